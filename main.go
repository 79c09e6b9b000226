// Command bgremove removes image backgrounds: an HTTP proxy, a job queue, batch workers and a
// predictor in one binary.
package main

import (
	"os"

	"bgremove/cmd"
)

func main() {
	os.Exit(cmd.Execute())
}
