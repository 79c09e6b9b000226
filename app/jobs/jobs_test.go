package jobs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bgremove/client"
)

func TestResolve(t *testing.T) {
	ids := []string{"abcdef00" + strings.Repeat("0", 24), "abcdef01" + strings.Repeat("0", 24)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).
			Encode(map[string]any{"jobs": []map[string]string{{"id": ids[0]}, {"id": ids[1]}}})
	}))
	defer server.Close()
	c, err := client.New(client.Config{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, test := range []struct{ given, want, fault string }{
		{"abcdef01", ids[1], ""},
		{ids[0], ids[0], ""},
		{"abcdef", "", "2 jobs begin with abcdef"},
		{"abcde", "", "an id needs 6 digits or more, abcde has 5"},
		{"abcdx", "abcdx", ""}, // the server's to refuse
		{"ABCDEF01", "ABCDEF01", ""},
		{"abcdef02", "abcdef02", ""},
	} {
		got, err := (&Console{Client: c}).resolve(t.Context(), []string{test.given})
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: %v, want %q", test.given, err, test.fault)
			}
		} else if err != nil || got[0] != test.want {
			t.Errorf("%s: %v, %v, want %s", test.given, got, err, test.want)
		}
	}
}
