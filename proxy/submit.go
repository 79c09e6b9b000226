package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"bgremove/apikey"
	"bgremove/httpserver"
	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
	"bgremove/queue"
	"bgremove/telemetry"
)

const maxIdempotencyKey = 255 // bytes

// submission is a picture that is to become a job.
type submission struct {
	image  []byte
	from   string // address of the picture, where it is yet to be fetched; else empty
	opts   options
	parent string // id of the job that it refines
	given  string // in place of that one's options, as a query
}

// readSubmission takes in a picture, sent in one of the three ways, or its address, and its options. query is that of the request.
func (a *api) readSubmission(c echo.Context, preset options, query url.Values) (s submission, err error) {
	if err := a.room(c); err != nil { // before the body is read
		return s, err
	}
	up, err := httpserver.ReadUpload(c, fields())
	if err != nil {
		return s, err
	}
	if up.Unknown != "" {
		return s, unknownOption(up.Unknown, optionKeys())
	}
	get := given(up.Fields, query)
	s = submission{image: up.Image, from: get(keyImageURL)}
	if s.opts, err = a.parseOptions(get, preset); err != nil {
		return s, err
	}
	switch {
	case s.image == nil && s.from == "":
		return s, up.Need()
	case s.image != nil && s.from != "":
		return s, httpserver.Fault{
			Status: http.StatusBadRequest, Code: "multiple_images", Detail: "Both an image and image_url were sent",
		}
	}
	return s, nil
}

// take queues the picture of a submission, fetched where only its address was sent. Nothing holds it when take returns.
func (a *api) take(c echo.Context, s submission) (id string, err error) {
	if s.from != "" {
		// A request that is repeated is not fetched again: there may be another picture by now, or none.
		if id, err := a.repeated(c, s); id != "" || err != nil {
			return id, err
		}
		if s.image, err = a.fetch(c, s.from); err != nil {
			return "", err
		}
	}
	return a.submit(c, s)
}

// room refuses early what the queue would refuse. A request that may have been sent before is looked at first.
func (a *api) room(c echo.Context) error {
	if c.Request().Header.Get("Idempotency-Key") != "" {
		return nil
	}
	ctx, cancel := bounded(c)
	defer cancel()
	return a.jobs.Room(ctx)
}

// repeated is the job that the request's idempotency key has made before; empty where there is none.
func (a *api) repeated(c echo.Context, s submission) (id string, err error) {
	r, err := a.identify(c, s, queue.Request{Options: s.opts.Values().Encode()})
	if err != nil {
		return "", err
	}
	ctx, cancel := bounded(c)
	defer cancel()
	return a.jobs.Repeated(ctx, r)
}

// submit queues a picture, once the options were found to fit it. After it nothing holds the request's body.
func (a *api) submit(c echo.Context, s submission) (id string, err error) {
	defer httpserver.ReleaseUpload(c)
	ctx, cancel := bounded(c)
	defer cancel()
	info, err := codec.Inspect(s.image, a.limits)
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
	if errors.Is(err, queue.ErrRepeated) { // at the same time
		err = nil
	}
	return id, err
}

// request describes the job to the queue.
func (a *api) request(c echo.Context, s submission, info codec.Info) (queue.Request, error) {
	text, err := json.Marshal(about{
		Options: s.opts.values(a.cfg.KeepInput),
		Input:   inputInfo{Bytes: info.Bytes, Width: info.Width, Height: info.Height, ContentType: contentType(info.Format)},
	})
	if err != nil {
		return queue.Request{}, err
	}
	return a.identify(c, s, queue.Request{
		Image: s.image, Options: s.opts.Values().Encode(), About: string(text), Priority: s.opts.priority,
		KeepInput: s.opts.keepInput, ResultTTL: s.opts.ttl, Parent: s.parent, Callback: s.opts.callback,
		Trace: telemetry.Inject(c.Request().Context()),
	})
}

// identify says whose the request is, and by what it is known if it, or one like it, comes again.
func (a *api) identify(c echo.Context, s submission, r queue.Request) (queue.Request, error) {
	var err error
	r.Tenant = tenantOf(c)
	if r.IdempotencyKey, err = idempotencyKey(c); err != nil {
		return queue.Request{}, err
	}
	if !a.cfg.Cache && r.IdempotencyKey == "" {
		return r, nil
	}
	sum := sha256.Sum256(s.image)
	same := url.Values{"image": {hex.EncodeToString(sum[:])}, "options": {r.Options}}
	if a.cfg.Cache {
		r.Cache = a.cacheKey(same, r.Tenant)
	}
	if s.parent != "" { // whose picture and options may be gone when the request comes again
		r.Fingerprint = digest(url.Values{"parent": {s.parent}, "options": {s.given}})
		return r, nil
	}
	if s.from != "" {
		same.Set("image", s.from)
	}
	same.Set("job", fmt.Sprint(s.opts.priority, s.opts.ttl, s.opts.keepInput, s.opts.callback))
	r.Fingerprint = digest(same)
	return r, nil
}

// cacheKey is equal for requests that come to the same result, where they may know of each other.
func (a *api) cacheKey(same url.Values, tenant string) string {
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
			return "", fmt.Errorf("%w: Idempotency-Key: must be 1 to %d visible ASCII characters, is %.64q", picture.ErrOption,
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
func contentType(f codec.Format) string {
	if f == codec.PNM {
		return "image/x-portable-anymap"
	}
	return "image/" + string(f)
}
