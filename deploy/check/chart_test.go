package check

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

const chartDir = "../helm/bgremove"

// render gives the manifests, the notes left out.
func render(values object) ([]string, error) {
	chart, err := loader.LoadDir(chartDir)
	if err != nil {
		return nil, err
	}
	full, err := chartutil.ToRenderValues(chart, values,
		chartutil.ReleaseOptions{Name: "cut", Namespace: "pictures", IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, full)
	if err != nil {
		return nil, err
	}
	var manifests []string
	for name, text := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, manifest := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			if strings.TrimSpace(manifest) != "" {
				manifests = append(manifests, manifest)
			}
		}
	}
	slices.Sort(manifests)
	return manifests, nil
}

// faults are those of a manifest, a kind without a schema included.
func faults(v validator.Validator, manifest string) (faults []string) {
	for _, result := range v.Validate("manifest", io.NopCloser(strings.NewReader(manifest))) {
		if result.Status != validator.Valid {
			faults = append(faults, fmt.Sprint(result.Err))
		}
	}
	return faults
}

func TestChart(t *testing.T) {
	v := newValidator(t)
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no values")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var values, want object
			text, wanted, _ := strings.Cut(read(t, file), "\n---\n")
			if err := yaml.Unmarshal([]byte(text), &values); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte(wanted), &want); err != nil {
				t.Fatal(err)
			}
			for _, message := range lint.All(chartDir, values, "pictures", true).Messages {
				if message.Severity > support.InfoSev {
					t.Error(message)
				}
			}
			manifests, err := render(values)
			if err != nil {
				t.Fatal(err)
			}
			kinds, configs := object{}, object{}
			var readers []object // of configs
			for _, manifest := range manifests {
				if f := faults(v, manifest); len(f) > 0 {
					t.Errorf("%s\n%s", strings.Join(f, "\n"), manifest)
				}
				var resource object
				if err := yaml.Unmarshal([]byte(manifest), &resource); err != nil {
					t.Fatal(err)
				}
				n, _ := kinds[resource["kind"].(string)].(float64)
				kinds[resource["kind"].(string)] = n + 1
				switch resource["kind"] {
				case "ConfigMap":
					configs = resource["data"].(object)
				case "Deployment", "ScaledObject":
					readers = append(readers, resource)
				}
			}
			for _, resource := range readers {
				if resource["kind"] == "Deployment" {
					checkDeployment(t, resource, configs)
				} else {
					checkTriggers(t, resource, configs["config.yaml"].(string))
				}
			}
			if fmt.Sprint(kinds) != fmt.Sprint(want) {
				t.Errorf("got the kinds %v, want %v", kinds, want)
			}
		})
	}
}

// checkTriggers compares the lists that are counted with those that the queue keeps.
func checkTriggers(t *testing.T, scaled object, config string) {
	t.Helper()
	if !strings.Contains(read(t, root+"/queue/queue.go"), `"{bg:" + cfg.Name + "}"`) ||
		!strings.Contains(read(t, root+"/queue/manage.go"), `Sprintf("%s:q:%d", q.prefix, p)`) ||
		!strings.Contains(read(t, root+"/queue/room.go"), `Sprintf("%s:late:%d", q.prefix, i)`) {
		t.Error("the queue names its lists in another way than the chart")
	}
	var settings struct{ Queue struct{ Name string } }
	if err := yaml.Unmarshal([]byte(config), &settings); err != nil {
		t.Fatal(err)
	}
	triggers := scaled["spec"].(object)["triggers"].([]any)
	var got, want []string
	for _, trigger := range triggers {
		got = append(got, fmt.Sprint(trigger.(object)["metadata"].(object)["listName"]))
	}
	// of each priority: jobs in turn, and those behind them
	for _, list := range []string{"q:0", "q:1", "q:2", "late:0", "late:1", "late:2"} {
		want = append(want, fmt.Sprintf("{bg:%s}:%s", cmp.Or(settings.Queue.Name, "default"), list))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the lists %q, want %q", got, want)
	}
}

// checkDeployment has the program check the part's variables and its config.yaml.
func checkDeployment(t *testing.T, deployment, configs object) {
	t.Helper()
	pod := deployment["spec"].(object)["template"].(object)["spec"].(object)
	container := pod["containers"].([]any)[0].(object)
	if pod["enableServiceLinks"] != false || pod["automountServiceAccountToken"] != false ||
		pod["securityContext"].(object)["runAsNonRoot"] != true ||
		container["securityContext"].(object)["readOnlyRootFilesystem"] != true ||
		pod["terminationGracePeriodSeconds"].(float64) < 40 {
		t.Errorf("the pod has rights that it does not need, or too little time to stop: %v", pod)
	}
	item := pod["volumes"].([]any)[0].(object)["configMap"].(object)["items"].([]any)[0].(object)
	if item["path"] != "config.yaml" {
		t.Errorf("the configuration is at %v", item["path"])
	}
	config := configs[item["key"].(string)].(string)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "redis://redis:6379"
	if strings.Contains(config, "mode: sentinel") {
		url = "redis://sentinel:26379?master_name=main"
	}
	secrets := map[any]string{
		"BGREMOVE_QUEUE_URL": url, "BGREMOVE_WEBHOOK_SECRET": "whsec_" + strings.Repeat("MfKQ", 8),
	}
	var env, args []string
	for _, entry := range container["env"].([]any) {
		variable := entry.(object)
		switch value, ok := variable["value"].(string); {
		case variable["name"] == "BGREMOVE_CONFIG":
			env = append(env, "BGREMOVE_CONFIG="+file)
		case ok:
			env = append(env, fmt.Sprintf("%s=%s", variable["name"], value))
		default:
			env = append(env, fmt.Sprintf("%s=%s", variable["name"], secrets[variable["name"]]))
		}
	}
	for _, arg := range container["args"].([]any) {
		args = append(args, arg.(string))
	}
	checkPart(t, env, args...)
}

// Only the proxy is given the secret of callbacks.
func TestWebhookSecret(t *testing.T) {
	manifests, err := render(object{"queue": object{"existingSecret": "redis"}, "webhook": object{
		"existingSecret": "hooks", "existingSecretKey": "key",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, manifest := range manifests {
		has := strings.Contains(manifest, "BGREMOVE_WEBHOOK_SECRET")
		if want := strings.Contains(manifest, "args: [serve, proxy]"); has != want ||
			has && !regexp.MustCompile(
				`BGREMOVE_WEBHOOK_SECRET\s+valueFrom:\s+secretKeyRef:\s+name: hooks\s+key: key\n`,
			).MatchString(manifest) {
			t.Errorf("secret %v, want %v in\n%s", has, want, manifest)
		}
	}
}

// Proxy and batch are given the keys of the bucket, and no other part.
func TestS3Secret(t *testing.T) {
	manifests, err := render(object{
		"queue": object{"existingSecret": "redis"}, "s3": object{"existingSecret": "bucket"},
	})
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for _, manifest := range manifests {
		has := regexp.MustCompile(`S3_ACCESS_KEY\s+valueFrom:\s+secretKeyRef: {name: bucket, key: access-key}\s+- name: BGREMOVE_QUEUE_S3_SECRET_KEY\s+` +
			`valueFrom:\s+secretKeyRef: {name: bucket, key: secret-key}\n`).MatchString(manifest)
		if want := regexp.MustCompile(`args: \[serve, (proxy|batch)\]`).
			MatchString(manifest); has != want {
			t.Errorf("keys %v, want %v in\n%s", has, want, manifest)
		}
		if has {
			given++
		}
	}
	if given != 2 {
		t.Errorf("%d parts have the keys", given)
	}
}

func TestChartRefuses(t *testing.T) {
	for name, test := range map[string]struct{ values, want string }{
		"no queue": {
			"{}", "one of queue.url, queue.existingSecret and redis.enabled is needed",
		},
		"unknown value": {"{queue: {url: 'redis://r:6379'}, replicas: 3}", "replicas"},
		"no Redis URL":  {"{queue: {url: 'http://r'}}", "pattern"},
		"no secret": {
			"{queue: {url: 'redis://r:6379'}, config: {egress: {callbacks: true}}}",
			"egress.callbacks needs webhook.existingSecret",
		},
		"KEDA's address": {
			"{queue: {url: 'redis://r:6379'}, keda: {enabled: true}}", "keda.addresses is needed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var values object
			if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
				t.Fatal(err)
			}
			if _, err := render(values); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// The checks of the manifests can fail.
func TestBrokenManifests(t *testing.T) {
	v := newValidator(t)
	for name, manifest := range map[string]string{
		"unknown field": "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: " +
			"{port: 1}}",
		"wrong type": "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: " +
			"{name: a}, spec: {maxUnavailable: [1]}}",
		"missing field": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, " +
			"spec: {replicas: 1}}",
		"unknown kind": "{apiVersion: v1, kind: Servise, metadata: {name: a}}",
		"KEDA without type": "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: " +
			"{name: a}, spec: {scaleTargetRef: {name: a}, triggers: [{metadata: {}}]}}",
		"KEDA unknown field": "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: " +
			"{name: a}, spec: {scaleTargetRef: {name: a}, triggers: [], x: 1}}",
	} {
		if len(faults(v, manifest)) == 0 {
			t.Errorf("%s: %s is found valid", name, manifest)
		}
	}
}
