package openapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// tree is the document without any order.
func tree(t *testing.T) map[string]any {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(JSON(), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// JSON is what the yaml package itself would come to, and has the document's order.
func TestJSON(t *testing.T) {
	var root yaml.Node
	var want map[string]any
	if err := yaml.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	if err := expand(&root, member(member(root.Content[0], "components"), "schemas")); err != nil {
		t.Fatal(err)
	}
	if err := root.Decode(&want); err != nil {
		t.Fatal(err) // also for a key that is there twice
	}
	wanted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(tree(t))
	if err != nil || !bytes.Equal(got, wanted) {
		t.Errorf("JSON is not the document: %v", err)
	}
	order := []string{
		`"openapi":`, `"info":`, `"/v1/jobs":`, `"/v1/remove":`, `"/start_job":`, `"components":`,
	}
	last := -1
	for _, key := range order {
		at := bytes.Index(JSON(), []byte(key))
		if at <= last {
			t.Errorf("%s is at %d, want it after %d", key, at, last)
		}
		last = at
	}
}

// walk visits each object with its JSON pointer.
func walk(v any, at string, visit func(at string, object map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(at, v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(v[key], at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key), visit)
		}
	case []any:
		for _, item := range v {
			walk(item, at+"/-", visit)
		}
	}
}

// Every component is referred to, and every reference leads to one.
func TestReferences(t *testing.T) {
	root := tree(t)
	used := map[string]bool{}
	walk(root, "#", func(_ string, object map[string]any) {
		if ref, ok := object["$ref"].(string); ok {
			used[ref] = true
		}
		if needs, ok := object["security"].([]any); ok {
			for _, need := range needs {
				for scheme := range need.(map[string]any) {
					used["#/components/securitySchemes/"+scheme] = true
				}
			}
		}
	})
	for kind, components := range root["components"].(map[string]any) {
		for name := range components.(map[string]any) {
			ref := "#/components/" + kind + "/" + name
			if !used[ref] {
				t.Errorf("%s is not used", ref)
			}
			delete(used, ref)
		}
	}
	for ref := range used {
		t.Errorf("%s does not exist", ref)
	}
}

// A comma in a flow mapping ends a value that has no quotes, and what follows
// becomes a key without one.
func TestNoEmptyValues(t *testing.T) {
	walk(tree(t), "#", func(at string, object map[string]any) {
		for key, v := range object {
			if v == nil && !strings.Contains(at, "/example") {
				t.Errorf("%s/%s has no value", at, key)
			}
		}
	})
}

// Every operation says what it is, and how it answers those without a key.
func TestOperations(t *testing.T) {
	ids := map[string]bool{}
	for path, item := range tree(t)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			op := op.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] || op["summary"] == nil || op["tags"] == nil {
				t.Errorf("%s %s has operationId %q, summary %v, tags %v",
					method, path, id, op["summary"], op["tags"])
			}
			ids[id] = true
			_, open := op["security"]
			responses := op["responses"].(map[string]any)
			if refuses := responses["401"] != nil && responses["403"] != nil; refuses == open {
				t.Errorf("%s %s: needs no key: %v, says how one is refused: %v",
					method, path, open, refuses)
			}
		}
	}
}

// The tables of codes agree with the lists, and every code is one of them.
func TestCodes(t *testing.T) {
	root := tree(t)
	components := root["components"].(map[string]any)
	schema := func(name string) map[string]any {
		return components["schemas"].(map[string]any)[name].(map[string]any)
	}
	enum := func(name string) (codes []string) {
		for _, code := range schema(name)["enum"].([]any) {
			codes = append(codes, code.(string))
		}
		return codes
	}
	codes := enum("Code")
	var table []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [45]\\d\\d \\|").
		FindAllStringSubmatch(schema("Code")["description"].(string), -1) {
		table = append(table, row[1])
	}
	if !slices.Equal(codes, table) {
		t.Errorf("the enum of Code and the table in its description differ:\n%v\n%v", codes, table)
	}
	for _, code := range enum("JobCode") {
		if !slices.Contains(codes, code) {
			t.Errorf("JobCode has %s, Code has not", code)
		}
	}
	for name, response := range components["responses"].(map[string]any) {
		text := response.(map[string]any)["description"].(string)
		for _, code := range regexp.MustCompile("`([a-z]+_[a-z_]+)`").
			FindAllStringSubmatch(text, -1) {
			if !slices.Contains(codes, code[1]) {
				t.Errorf("%s speaks of %s, which is no code", name, code[1])
			}
		}
	}
}
