package predict

import (
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Addr: "nowhere", URL: "ftp://x", Slots: -1, MaxWait: -time.Second}.Validate()
	for _, key := range []string{"addr: ", "url: ", "slots: ", "max_wait: ", "timeout: "} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
}

func TestConfigListsPredictors(t *testing.T) {
	for list, want := range map[string]string{
		"http://a:1":                        "",
		"http://a:1, https://u:p@b:2/under": "",
		"":                                  "url: must be",
		"http://a:1,":                       "url: must be",
		"http://a:1,b:2":                    `is "b:2"`,
		"http://a:1,http://u:p@a:1/":        "twice",
	} {
		cfg := DefaultConfig()
		cfg.URL = list
		if err := cfg.Validate(); (err == nil) != (want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", list, err, want)
		}
	}
}
