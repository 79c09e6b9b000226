package batch

import "fmt"

// Config is the batch poller's.
type Config struct {
	Addr    string `yaml:"addr" help:"address at which serve batch answers /livez, /readyz and /metrics (host:port); empty means nowhere"`
	Workers int    `yaml:"workers" help:"jobs worked on at the same time; 0 means one more than CPU cores, so that the next is at hand when one is done"`
}

// DefaultConfig has one worker more than cores.
func DefaultConfig() Config { return Config{} }

// Validate names the fault's key.
func (c Config) Validate() error {
	if c.Workers < 0 || c.Workers > 1024 {
		return fmt.Errorf("workers: must be 0 (one more than cores) to 1024, is %d", c.Workers)
	}
	return nil
}
