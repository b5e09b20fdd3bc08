package offsets

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FindCoordinator asks for the coordinator of a group, as any version of the request does.
func FindCoordinator(group string) *kmsg.FindCoordinatorRequest {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = group, []string{group}
	return req
}

// ParseCoordinator reads the answer to FindCoordinator.
func ParseCoordinator(resp *kmsg.FindCoordinatorResponse, err error) (int32, error) {
	if err != nil {
		return 0, fmt.Errorf("asking for it: %w", err)
	}
	id, code := resp.NodeID, resp.ErrorCode
	if len(resp.Coordinators) > 0 {
		id, code = resp.Coordinators[0].NodeID, resp.Coordinators[0].ErrorCode
	}
	return id, kerr.ErrorForCode(code)
}
