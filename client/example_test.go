package client_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"log"
	"os"

	"bgremove/client"
)

// Pictures are sent, waited for and fetched one after the other; a program of its own would have
// more of them on their way.
func Example() {
	ctx := context.Background()
	server := example()
	defer server.stop() //nolint:errcheck // an example

	c, err := client.New(client.Config{Server: server.url})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	job, err := c.Submit(ctx, client.File("../testdata/scene.png"),
		client.Options{"format": "png", "crop": "true"})
	if err != nil {
		log.Fatal(err)
	}
	if job, err = c.Wait(ctx, job.ID); err != nil {
		log.Fatal(err)
	}
	if err := job.Err(); err != nil { // it has no result
		log.Fatal(err)
	}
	var out bytes.Buffer
	contentType, err := c.Result(ctx, job.ID, &out)
	if err != nil {
		log.Fatal(err)
	}
	img, _, err := image.Decode(&out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.State, contentType, img.Bounds().Dx() < job.Input.Width)
	// Output: succeeded image/png true
}

func ExampleClient_Remove() {
	ctx := context.Background()
	server := example()
	defer server.stop() //nolint:errcheck // an example

	c, err := client.New(client.Config{Server: server.url})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	var out bytes.Buffer
	if err := c.Remove(ctx, client.File("../testdata/scene.png"), nil, &out); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", out.Bytes()[:4])
	// Output: "\x89PNG"
}

func ExampleClient_Events() {
	ctx := context.Background()
	server := example()
	defer server.stop() //nolint:errcheck // an example

	c, err := client.New(client.Config{Server: server.url})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	job, err := c.Submit(ctx, client.File("../testdata/scene.png"), nil)
	if err != nil {
		log.Fatal(err)
	}
	for job, err := range c.Events(ctx, job.ID) {
		if err != nil {
			log.Fatal(err)
		}
		if job.State.Ended() {
			fmt.Println(job.State)
		}
	}
	// Output: succeeded
}

// example is a server for the examples.
func example() *service {
	dir, err := os.MkdirTemp("", "bgremove-example-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := serve(dir, true)
	if err != nil {
		log.Fatal(err)
	}
	stop := s.stop
	s.stop = func() error { defer os.RemoveAll(dir); return stop() }
	return s
}
