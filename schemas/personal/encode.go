package personal

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"altavoz/schemas"
)

// Append appends what a recipient has of its own, encoded, to b: for whoever keeps many of them in little memory.
func Append(b []byte, p *schemas.Personal) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(b, p)
	if err != nil {
		return nil, fmt.Errorf("encoding what a recipient has of its own: %w", err)
	}
	return out, nil
}

// Read reads what Append made.
func Read(b []byte) (*schemas.Personal, error) {
	p := new(schemas.Personal)
	if err := proto.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("reading what a recipient has of its own: %w", err)
	}
	return p, nil
}
