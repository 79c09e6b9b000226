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
