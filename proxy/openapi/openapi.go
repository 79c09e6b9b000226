// Package openapi is the document of the public API, openapi.yaml, and the page that shows it.
//
// The document is written by hand and comes before the handlers: package openapitest holds
// them against it. Only the options of a picture come from their table. This package imports
// echo, yaml and option.
package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var document []byte

// JSON is the document as JSON, with its keys in their order: pages and generated code follow it.
func JSON() []byte {
	var root yaml.Node
	var b bytes.Buffer
	err := yaml.Unmarshal(document, &root)
	if err == nil {
		err = expand(&root, member(member(root.Content[0], "components"), "schemas"))
	}
	if err == nil {
		err = write(&b, &root)
	}
	if err != nil {
		// a build that no test has seen
		panic(fmt.Sprintf("the built-in openapi.yaml cannot be read: %v", err))
	}
	return b.Bytes()
}

// write is what decoding into maps, which have no order, and json.Marshal would come to.
func write(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return write(b, n.Content[0])
	case yaml.AliasNode:
		return write(b, n.Alias)
	case yaml.MappingNode:
		b.WriteByte('{')
		defer b.WriteByte('}')
		return writeMembers(b, n)
	case yaml.SequenceNode:
		b.WriteByte('[')
		defer b.WriteByte(']')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, item); err != nil {
				return err
			}
		}
		return nil
	}
	var scalar any
	if err := n.Decode(&scalar); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return writeValue(b, scalar)
}

func writeMembers(b *bytes.Buffer, n *yaml.Node) error {
	for i := 0; i < len(n.Content); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" { // <<: the members of another mapping, which has an anchor
			if err := writeMembers(b, value.Alias); err != nil {
				return err
			}
			continue
		}
		if err := writeValue(b, key.Value); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := write(b, value); err != nil {
			return err
		}
	}
	return nil
}

func writeValue(b *bytes.Buffer, v any) error {
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}
