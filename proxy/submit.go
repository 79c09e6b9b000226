package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"bgremove/apikey"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/queue"
	"bgremove/telemetry"
)

const maxIdempotencyKey = 255 // bytes

// readPicture takes in a picture, sent in one of the three ways or fetched from where the request says, and its options.
func (a api) readPicture(c echo.Context, preset options) ([]byte, options, error) {
	if err := a.jobs.Room(); err != nil { // before the body is read
		return nil, options{}, err
	}
	query, err := httpserver.Query(c)
	if err != nil {
		return nil, options{}, err
	}
	up, err := httpserver.ReadUpload(c, fields())
	if err != nil {
		return nil, options{}, err
	}
	get := given(up.Fields, query)
	opts, err := a.parseOptions(get, preset)
	if err != nil {
		return nil, options{}, err
	}
	from := get(keyImageURL)
	switch {
	case up.Image == nil && from == "":
		return nil, options{}, httpserver.Missing("body", "image")
	case up.Image != nil && from != "":
		return nil, options{}, httpserver.Fault{
			Status: http.StatusBadRequest, Code: "multiple_images", Detail: "Both an image and image_url were sent",
		}
	case from != "":
		up.Image, err = a.fetch(c.Request().Context(), from)
	}
	return up.Image, opts, err
}

// submission is a picture that is to become a job.
type submission struct {
	image  []byte
	opts   options
	parent string // id of the job that it refines
}

// submit queues a picture, once the options were found to fit it. After it nothing holds the request's body.
func (a api) submit(ctx context.Context, c echo.Context, s submission) (id string, err error) {
	info, err := imaging.Inspect(s.image, a.limits)
	if err != nil {
		return "", err
	}
	if err := s.opts.CheckImage(a.limits, info.Width, info.Height); err != nil {
		return "", err
	}
	r, err := a.request(c, s, info)
	if err != nil {
		return "", err
	}
	if id, err := a.jobs.Repeated(ctx, r); id != "" || err != nil { // paid for already
		return id, err
	}
	refund, err := charge(c, a.jobs, info.Width, info.Height)
	if err != nil {
		return "", err
	}
	id, err = a.jobs.Enqueue(ctx, r)
	if err != nil {
		refund()
	}
	httpserver.ReleaseUpload(c)
	return id, err
}

// request describes the job to the queue.
func (a api) request(c echo.Context, s submission, info imaging.Info) (queue.Request, error) {
	text, err := json.Marshal(about{
		Options: s.opts.values(),
		Input:   inputInfo{Bytes: info.Bytes, Width: info.Width, Height: info.Height, ContentType: contentType(info.Format)},
	})
	if err != nil {
		return queue.Request{}, err
	}
	r := queue.Request{
		Image: s.image, Options: s.opts.Options.Values().Encode(), About: string(text), Priority: s.opts.priority,
		KeepInput: s.opts.keepInput, ResultTTL: s.opts.ttl, Tenant: tenantOf(c), Parent: s.parent, Callback: s.opts.callback,
		Trace: telemetry.Inject(c.Request().Context()),
	}
	if r.IdempotencyKey, err = idempotencyKey(c); err != nil {
		return queue.Request{}, err
	}
	if a.cfg.Cache || r.IdempotencyKey != "" {
		sum := sha256.Sum256(s.image)
		same := url.Values{"image": {hex.EncodeToString(sum[:])}, "options": {r.Options}}
		if a.cfg.Cache {
			r.Cache = a.cacheKey(same, r.Tenant)
		}
		same["job"] = []string{fmt.Sprint(r.Priority, r.ResultTTL, r.KeepInput, s.opts.callback, s.parent)}
		r.Fingerprint = digest(same)
	}
	return r, nil
}

// cacheKey is equal for requests that come to the same result, where they may know of each other.
func (a api) cacheKey(same url.Values, tenant string) string {
	key := url.Values{"version": {a.version}}
	for k, v := range same {
		key[k] = v
	}
	if !a.cfg.CacheAcrossKeys {
		key.Set("tenant", tenant)
	}
	return digest(key)
}

// digest is the same for the same values.
func digest(v url.Values) string {
	sum := sha256.Sum256([]byte(v.Encode())) // sorted by key
	return hex.EncodeToString(sum[:16])
}

// idempotencyKey is the client's own name for the request: draft-ietf-httpapi-idempotency-key-header.
func idempotencyKey(c echo.Context) (string, error) {
	key := c.Request().Header.Get("Idempotency-Key")
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' || len(key) > maxIdempotencyKey {
			return "", fmt.Errorf("%w: Idempotency-Key: must be 1 to %d visible ASCII characters, is %.64q", imaging.ErrOption,
				maxIdempotencyKey, key)
		}
	}
	return key, nil
}

// tenantOf names whose request it is: empty where no keys are asked for.
func tenantOf(c echo.Context) string { return apikey.Name(c.Request().Context()) }

// own is the filter of the jobs that a request may see.
func own(c echo.Context) queue.Filter {
	key, ok := apikey.FromContext(c.Request().Context())
	return queue.Filter{Tenant: key.Name, All: !ok}
}

// contentType is that of a file of the format.
func contentType(f imaging.Format) string {
	if f == imaging.PNM {
		return "image/x-portable-anymap"
	}
	return "image/" + string(f)
}
