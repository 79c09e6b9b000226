package proxy

import (
	"fmt"

	"bgremove/httpserver"
)

// Config is the public API's.
type Config struct {
	Addr string `yaml:"addr" help:"address the public API listens on (host:port)"`
}

// DefaultConfig listens on loopback port 5000.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:5000"}
}

// Validate names the fault's key.
func (c Config) Validate() error {
	if err := httpserver.CheckAddr(c.Addr); err != nil {
		return fmt.Errorf("addr: %w", err)
	}
	return nil
}
