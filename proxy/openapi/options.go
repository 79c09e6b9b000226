package openapi

import (
	"encoding/json"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"bgremove/imaging/option"
)

// optionsKey marks where the options of a picture go. What that means depends on what it stands in:
//
//   - a list of parameters: a reference to each that fits into a query
//   - components/parameters: those parameters
//   - components/schemas: the schema of each option that has none written by hand
//   - properties: a reference to each
const optionsKey = "x-options"

// expand puts the options in the places of their marks, each by the values "refs", "parameters",
// "schemas" and "properties".
func expand(n *yaml.Node, schemas *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return nil
	}
	for i := 0; i < len(n.Content); i++ {
		child := n.Content[i]
		var made []*yaml.Node
		var err error
		width := 1 // nodes that the mark takes
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0 && child.Value == optionsKey:
			made, err = members(n.Content[i+1].Value, schemas)
			width = 2
		case n.Kind == yaml.SequenceNode && child.Kind == yaml.MappingNode &&
			len(child.Content) > 0 && child.Content[0].Value == optionsKey:
			made, err = references()
		default:
			if err := expand(child, schemas); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		n.Content = slices.Replace(n.Content, i, i+width, made...)
		i += len(made) - 1
	}
	return nil
}

// references lists the parameters of a route.
func references() (made []*yaml.Node, err error) {
	for _, o := range option.Table() {
		if o.Kind == option.File {
			continue
		}
		n, err := node(map[string]string{"$ref": "#/components/parameters/" + o.Name})
		if err != nil {
			return nil, err
		}
		made = append(made, n)
	}
	return made, nil
}

// members are names and values of a mapping, one after the other.
func members(what string, schemas *yaml.Node) (made []*yaml.Node, err error) {
	for _, o := range option.Table() {
		written := member(schemas, o.Name)
		var value any
		switch {
		case what == "properties":
			value = map[string]string{"$ref": "#/components/schemas/" + o.Name}
		case what == "schemas" && written == nil:
			value = schemaOf(o)
		case what == "parameters" && o.Kind != option.File:
			value = parameterOf(o, written)
		default:
			continue
		}
		n, err := node(value)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", o.Name, err)
		}
		made = append(made, &yaml.Node{Kind: yaml.ScalarNode, Value: o.Name}, n)
	}
	return made, nil
}

// schema is what the document says of an option, in the order in which it is read.
type schema struct {
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Enum        []string `json:"enum,omitempty"`
	Minimum     *float64 `json:"minimum,omitempty"`
	Maximum     *float64 `json:"maximum,omitempty"`
	Default     any      `json:"default,omitempty"`
	Examples    []string `json:"examples,omitempty"`
}

func schemaOf(o option.Option) schema {
	s := schema{Type: "string", Description: o.Doc}
	switch o.Kind {
	case option.Switch:
		s.Type, s.Default = "boolean", false
	case option.Choice:
		s.Enum = o.Values
		if slices.Contains(o.Values, o.Default) {
			s.Default = o.Default
		}
	case option.Number:
		s.Type, s.Minimum, s.Maximum = "integer", &o.Min, &o.Max
		s.Default = json.RawMessage(o.Default)
	case option.Text:
		s.Examples = o.Examples
	}
	return s
}

type parameter struct {
	Name        string            `json:"name"`
	In          string            `json:"in"`
	Description string            `json:"description"`
	Schema      map[string]string `json:"schema,omitempty"`
	Content     map[string]any    `json:"content,omitempty"`
}

// parameterOf says again what the schema says, which /docs does not show with a parameter.
func parameterOf(o option.Option, written *yaml.Node) parameter {
	p := parameter{Name: o.Name, In: "query", Description: o.Doc}
	if d := member(written, "description"); d != nil {
		p.Description = d.Value
	}
	ref := map[string]string{"$ref": "#/components/schemas/" + o.Name}
	if o.Kind != option.Document {
		p.Schema = ref
		return p
	}
	// The example is what /docs sends unless it is changed.
	p.Content = map[string]any{
		"application/json": map[string]any{"schema": ref, "example": []string{}},
	}
	return p
}

// member returns a value of a mapping; nil where there is none.
func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// node makes a tree of a value. JSON is YAML.
func node(v any) (*yaml.Node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	return document.Content[0], nil
}
