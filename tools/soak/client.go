package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A stopped part answers again within five seconds, Redis within three.
	startTimeout   = 20 * time.Second
	getTimeout     = 2 * time.Second // a question that can be put again, to the other proxy
	predictTimeout = time.Minute
	maxAnswer      = 256 << 20 // bytes
)

var (
	errRefused = errors.New("refused") // the job was surely not accepted, or the part said so
	// the connection broke or went silent after the request was sent
	errUnknown = errors.New("no answer")
	errAnswer  = errors.New("bad answer") // no answer that the API describes
	errGone    = errors.New("not found")  // the proxy knows no such job
)

// client speaks the seed API with one of several proxies at a time.
type client struct {
	proxies []string
	turn    atomic.Uint32
	http    *http.Client
	// of *bytes.Buffer: answers are hundreds of KB, and this process must stay small
	buffers sync.Pool
}

func newClient() *client {
	return &client{
		http: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 64, MaxConnsPerHost: 256, IdleConnTimeout: 30 * time.Second,
		}},
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// proxy is another one at each call.
func (c *client) proxy() string { return c.proxies[int(c.turn.Add(1))%len(c.proxies)] }

// start offers a job to one proxy. errRefused: it was not accepted; errUnknown:
// nobody can say; errAnswer.
func (c *client) start(ctx context.Context, proxy string, p *picture) (id string, err error) {
	var answer struct {
		ID string `json:"job_id"`
	}
	err = c.do(ctx, startTimeout, http.MethodPost, proxy+"/start_job", "application/json", p.body,
		func(status int, body []byte) error {
			switch status {
			case http.StatusOK:
			case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
				http.StatusGatewayTimeout:
				return fmt.Errorf("%w with status %d", errRefused, status)
			default:
				return fmt.Errorf("%w: start_job has status %d: %.200q", errAnswer, status, body)
			}
			if err := json.Unmarshal(body, &answer); err != nil || answer.ID == "" {
				return fmt.Errorf("%w: start_job says %.200q", errAnswer, body)
			}
			return nil
		})
	return answer.ID, err
}

// outcome is what get_job says of a job that has ended.
type outcome struct {
	ended  bool
	failed string // why there is no result
	wrong  string // what is wrong with the result
}

// get asks one proxy for a job. errGone: it has no such job; errRefused and errUnknown: ask again.
func (c *client) get(ctx context.Context, proxy, id string, p *picture) (o outcome, err error) {
	err = c.do(ctx, getTimeout, http.MethodGet, proxy+"/get_job/"+id, "", nil,
		func(status int, body []byte) error {
			switch status {
			case http.StatusOK:
				o, err = judgeAnswer(body, id, p)
				return err
			case http.StatusNotFound, http.StatusGone:
				return errGone
			case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
				http.StatusGatewayTimeout:
				return fmt.Errorf("%w with status %d", errRefused, status)
			}
			return fmt.Errorf("%w: get_job has status %d: %.200q", errAnswer, status, body)
		})
	return o, err
}

// judgeAnswer compares what get_job gives with what was sent and what is expected.
func judgeAnswer(body []byte, id string, p *picture) (outcome, error) {
	var answer struct {
		ID     string `json:"job_id"`
		Status string `json:"job_status"`
		In     string `json:"img_in_base64"`
		Out    string `json:"img_out_base64"`
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return outcome{}, fmt.Errorf("%w: get_job: %w", errAnswer, err)
	}
	switch answer.Status {
	case "RUNNING":
		return outcome{}, nil
	case "FAILED":
		return outcome{ended: true, failed: answer.Detail}, nil
	case "SUCCEED":
	default:
		return outcome{}, fmt.Errorf("%w: get_job says that the job is %q",
			errAnswer, answer.Status)
	}
	o := outcome{ended: true}
	switch {
	case answer.ID != id:
		o.wrong = "the answer is that of job " + answer.ID
	case answer.Out != p.output:
		o.wrong = fmt.Sprintf("the result is not that of the picture: %d characters, want %d",
			len(answer.Out), len(p.output))
	case answer.In != p.input:
		o.wrong = fmt.Sprintf("the input is not that of the job: %d characters, want %d",
			len(answer.In), len(p.input))
	}
	return o, nil
}

// predict asks a predictor directly.
func (c *client) predict(
	ctx context.Context, predictor string, image []byte,
) (result []byte, err error) {
	err = c.do(ctx, predictTimeout, http.MethodPost, predictor+"/predict", "image/jpeg", image,
		func(status int, body []byte) error {
			if status != http.StatusOK {
				return fmt.Errorf("%w: predict has status %d: %.200q", errAnswer, status, body)
			}
			result = bytes.Clone(body)
			return nil
		})
	return result, err
}

// do hands a whole answer to use, which must not keep it. Without one: errRefused where nothing was
// sent, else errUnknown.
func (c *client) do(
	ctx context.Context, timeout time.Duration, method, url, contentType string,
	body []byte, use func(status int, body []byte) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var sent atomic.Bool // the transport calls back from goroutines of its own
	traced := httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(traced, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	switch {
	case err != nil && sent.Load():
		return fmt.Errorf("%w: %w", errUnknown, err)
	case err != nil:
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	defer resp.Body.Close()
	b := c.buffers.Get().(*bytes.Buffer)
	defer c.buffers.Put(b)
	b.Reset()
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return use(resp.StatusCode, b.Bytes())
}
