package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

const (
	kubernetes    = "k8s.io/kubernetes@v1.37.2"
	kubernetesSum = "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE="
	keda          = "github.com/kedacore/keda/v2@v2.21.0"
	kedaSum       = "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="
)

type object = map[string]any

// newValidator validates strictly against the schemas of Kubernetes' and KEDA's own sources.
func newValidator(t *testing.T) validator.Validator {
	t.Helper()
	dir := t.TempDir()
	writeKubernetesSchemas(t, dir)
	writeKEDASchemas(t, dir)
	v, err := validator.New(
		[]string{dir + "/{{ .Group }}_{{ .ResourceAPIVersion }}_{{ .ResourceKind }}.json"},
		validator.Opts{Strict: true, KubernetesVersion: "1.37.2"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func writeSchema(t *testing.T, dir, group, version, kind string, schema any) {
	t.Helper()
	data, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	if group == "" {
		group = version // as kubeconform names the core group
	}
	name := group + "_" + version + "_" + strings.ToLower(kind) + ".json"
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeKubernetesSchemas(t *testing.T, dir string) {
	t.Helper()
	var swagger struct{ Definitions map[string]object }
	text := read(t,
		filepath.Join(module(t, kubernetes, kubernetesSum), "api/openapi-spec/swagger.json"))
	if err := json.Unmarshal([]byte(text), &swagger); err != nil {
		t.Fatal(err)
	}
	for _, definition := range swagger.Definitions {
		tighten(definition)
	}
	// As in JSON, where they may be numbers too.
	swagger.Definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = object{
		"type": []string{"string", "integer"},
	}
	swagger.Definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = object{
		"type": []string{"string", "number"},
	}
	for name, definition := range swagger.Definitions {
		gvks, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(gvks) != 1 || definition["properties"].(object)["spec"] == nil &&
			definition["properties"].(object)["metadata"] == nil {
			continue // an option or a list
		}
		gvk := gvks[0].(object)
		needed := map[string]object{}
		addReferred(swagger.Definitions, name, needed)
		writeSchema(t, dir, gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string),
			object{"$ref": "#/definitions/" + name, "definitions": needed})
	}
}

// addReferred adds name and all that it refers to.
func addReferred(all map[string]object, name string, needed map[string]object) {
	if needed[name] != nil {
		return
	}
	needed[name] = all[name]
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case object:
			if ref, ok := node["$ref"].(string); ok {
				addReferred(all, strings.TrimPrefix(ref, "#/definitions/"), needed)
			}
			for _, child := range node {
				walk(child)
			}
		case []any:
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(all[name])
}

// tighten refuses unknown fields wherever the known ones are listed.
func tighten(node any) {
	schema, ok := node.(object)
	if !ok {
		return
	}
	if properties, ok := schema["properties"].(object); ok {
		if _, ok := schema["additionalProperties"]; !ok &&
			schema["x-kubernetes-preserve-unknown-fields"] == nil {
			schema["additionalProperties"] = false
		}
		for _, child := range properties {
			tighten(child)
		}
	}
	tighten(schema["items"])
	tighten(schema["additionalProperties"])
}

func writeKEDASchemas(t *testing.T, dir string) {
	t.Helper()
	bases := filepath.Join(module(t, keda, kedaSum), "config/crd/bases")
	for _, plural := range []string{"scaledobjects", "triggerauthentications"} {
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema object `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join(bases, "keda.sh_"+plural+".yaml"))),
			&crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			schema := version.Schema.OpenAPIV3Schema
			tighten(schema)
			schema["properties"].(object)["metadata"] = object{"type": "object"}
			writeSchema(t, dir, crd.Spec.Group, version.Name, crd.Spec.Names.Kind, schema)
		}
	}
}
