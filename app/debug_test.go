package app

import "testing"

func TestProfilesStayOnThisMachine(t *testing.T) {
	for addr, ok := range map[string]bool{
		"": true, "127.0.0.1:6060": true, "127.0.0.1:0": true, "[::1]:6060": true,
		"localhost:6060": true, "127.8.9.10:1": true,
		":6060": false, "0.0.0.0:6060": false, "[::]:6060": false, "10.0.0.1:6060": false,
		"example.com:6060": false, "6060": false,
		"localhost.example.com:6060": false, "127.0.0.1": false, "127.0.0.1:http": false,
	} {
		if err := (DebugConfig{Addr: addr}).Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
