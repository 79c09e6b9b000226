package check

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the parts may reach is what they are configured to reach, and no more.
func TestNetworkPolicies(t *testing.T) {
	const (
		dns       = `{"ports":[{"port":53,"protocol":"UDP"},{"port":53,"protocol":"TCP"}]}`
		redis     = `,{"ports":[{"port":6379},{"port":26379}]}`
		s3        = `,{"ports":[{"port":443}]}`
		minio     = `,{"ports":[{"port":9000}],"to":[{"namespaceSelector":{}}]}`
		otherPort = `,{"ports":[{"port":8443}]}`
		public    = `,{"ports":[{"port":80},{"port":443}],"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["0.0.0.0/8","10.0.0.0/8","100.64.0.0/10",` +
			`"127.0.0.0/8","169.254.0.0/16","172.16.0.0/12","192.168.0.0/16","224.0.0.0/3"]}},{"ipBlock":{"cidr":"2000::/3"}}]}`
		predictor = `,{"ports":[{"port":5001}],"to":[{"podSelector":{"matchLabels":{"app.kubernetes.io/component":"predict",` +
			`"app.kubernetes.io/instance":"cut","app.kubernetes.io/name":"bgremove"}}}]}`
	)
	for name, test := range map[string]struct{ values, both, proxy string }{
		"nothing":      {"{}", "", ""},
		"switched off": {"{config: {egress: {urls: false, https_only: true}}}", "", ""},
		"addresses":    {"{config: {egress: {urls: true}}}", "", public},
		"callbacks": {
			"{config: {egress: {callbacks: true}}, webhook: {existingSecret: a}}", "", public,
		},
		"rules": {
			"{config: {egress: {urls: true}}, networkPolicy: {proxyTo: [{ports: [{port: 8443}]}]}}",
			"", otherPort,
		},
		"bucket": {"{config: {queue: {s3_bucket: a}}}", s3, ""},
		"bucket's place": {"{config: {queue: {s3_bucket: a}}, networkPolicy: {s3Ports: [9000], " +
			"s3To: [{namespaceSelector: {}}]}}", minio, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var values object
			if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
				t.Fatal(err)
			}
			values["queue"] = object{"existingSecret": "redis"}
			base := dns + redis + test.both
			want := map[string]string{
				"proxy": base + test.proxy, "batch": base + predictor, "predict": "",
			}
			for part, egress := range egresses(t, values) {
				if egress != "["+want[part]+"]" {
					t.Errorf("%s may reach\n%s, want\n[%s]", part, egress, want[part])
				}
				delete(want, part)
			}
			if len(want) > 0 {
				t.Errorf("no policy for %v", want)
			}
		})
	}
}

// Where traces go is open to the predictor too, and nothing else.
func TestNetworkPolicyOfPredictorWithTraces(t *testing.T) {
	got := egresses(t, object{
		"queue":   object{"existingSecret": "redis"},
		"config":  object{"queue": object{"s3_bucket": "a"}, "egress": object{"urls": true}},
		"tracing": object{"endpoint": "http://collector:4318"},
	})["predict"]
	if want := `[{"ports":[{"port":53,"protocol":"UDP"},{"port":53,"protocol":"TCP"}]},{"ports":[{"port":4318}]}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// egresses are the rules of each part, as JSON.
func egresses(t *testing.T, values object) map[string]string {
	t.Helper()
	manifests, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, manifest := range manifests {
		var policy struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct{ Egress json.RawMessage }
		}
		if err := yaml.Unmarshal([]byte(manifest), &policy); err != nil {
			t.Fatal(err)
		}
		if policy.Kind == "NetworkPolicy" {
			found[policy.Metadata.Name[strings.LastIndex(policy.Metadata.Name, "-")+1:]] = string(
				policy.Spec.Egress)
		}
	}
	return found
}
