package terminal

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{30 * time.Second, "30s"},
		{10 * time.Second, "10s"},
		{10 * time.Minute, "10m"},
		{90 * time.Second, "1m30s"},
		{20 * time.Hour, "20h"},
		{90 * time.Minute, "1h30m"},
		{time.Hour + time.Second, "1h0m1s"},
		{1500 * time.Millisecond, "1.5s"},
		{-time.Minute, "-1m"},
	} {
		got := Duration(test.d)
		if back, err := time.ParseDuration(got); got != test.want || err != nil || back != test.d {
			t.Errorf("%v: got %s (%v, %v), want %s", test.d, got, back, err, test.want)
		}
	}
}
