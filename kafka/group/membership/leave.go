package membership

import "github.com/twmb/franz-go/pkg/kmsg"

// LeaveRequest is the request of a member, static where it has an instance id, to leave its group.
func LeaveRequest(group, member, instance string) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.Reason = member, new("stopping")
	if instance != "" {
		m.InstanceID = &instance
	}
	req.Members = append(req.Members, m)
	return req
}
