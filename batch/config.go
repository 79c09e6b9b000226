package batch

import "fmt"

// Config is the batch poller's.
type Config struct {
	Addr    string `yaml:"addr" help:"address at which serve batch answers /livez, /readyz and /metrics (host:port); empty means nowhere"`
	Workers int    `yaml:"workers" help:"jobs worked on at the same time; 0 means one per CPU core"`
}

// DefaultConfig has one worker per core.
func DefaultConfig() Config { return Config{} }

// Validate names the fault's key.
func (c Config) Validate() error {
	if c.Workers < 0 || c.Workers > 1024 {
		return fmt.Errorf("workers: must be 0 (one per core) to 1024, is %d", c.Workers)
	}
	return nil
}
