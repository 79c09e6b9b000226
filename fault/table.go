package fault

import (
	"net/http"
	"time"
)

// StatusClientGone is only logged and counted: there is nobody left to answer.
const StatusClientGone = 499

// Kind is what a code means.
type Kind struct {
	Status     int           // of HTTP
	Text       string        // for a client; empty where each error has its own
	Transient  bool          // the same picture may succeed later, so its job is tried again
	Untaken    bool          // nobody worked on the picture, so its job loses no attempt
	RetryAfter time.Duration // what a client is asked to wait; 0: it is not asked
}

// Of returns the kind of a code. One that is not in the table is a fault of the server's.
func Of(code string) Kind {
	if kind, ok := kinds[code]; ok {
		return kind
	}
	return Kind{Status: http.StatusInternalServerError}
}

// Codes returns every code with its kind.
func Codes() map[string]Kind { return kinds }

// kinds is the table. What ends a job stands first; the openapi document lists the same codes.
var kinds = map[string]Kind{
	// The picture and its options: the same would come of another try.
	"bad_option":         {Status: http.StatusBadRequest},
	"too_large":          {Status: http.StatusRequestEntityTooLarge},
	"unsupported_format": {Status: http.StatusUnsupportedMediaType},
	"corrupt_image":      {Status: http.StatusUnprocessableEntity},
	"no_foreground":      {Status: http.StatusUnprocessableEntity},

	// The predictor.
	"busy": {
		Status: http.StatusServiceUnavailable, Text: "The predictor is busy; try again later",
		Transient: true, Untaken: true, RetryAfter: 2 * time.Second,
	},
	"unavailable": {
		Status: http.StatusServiceUnavailable, Text: "The predictor cannot be reached",
		Transient: true, Untaken: true, RetryAfter: 5 * time.Second,
	},
	"timeout": {
		Status: http.StatusGatewayTimeout, Text: "The prediction took too long", Transient: true,
	},
	// No 502: a client sends that again, and the picture may be what ends the predictor.
	"broken": {
		Status: http.StatusInternalServerError, Text: "The connection to the predictor broke",
		Transient: true,
	},
	"internal": {
		Status: http.StatusInternalServerError, Text: "The prediction failed", Transient: true,
	},

	// The queue and the place where pictures are kept.
	"worker_lost": {Status: http.StatusInternalServerError, Transient: true},
	"damaged": {
		Status: http.StatusInternalServerError, Text: "The input image was damaged in its store",
	},
	"storage": {
		Status: http.StatusServiceUnavailable, Text: "The image store failed", Transient: true,
	},
	"input_expired": {Status: http.StatusGone, Text: "The input of the job is not kept any more"},
	"deadline":      {Status: http.StatusGone},
	"cancelled": {
		Status: http.StatusConflict, Text: "The prediction was cancelled",
		Transient: true, Untaken: true,
	},

	// What follows ends a request, and no job.
	"queue_full": {Status: http.StatusTooManyRequests, RetryAfter: 5 * time.Second},
	"disk_full":  {Status: http.StatusServiceUnavailable, RetryAfter: 30 * time.Second},
	"storage_failed": {
		Status: http.StatusServiceUnavailable, Text: "The image store failed",
		RetryAfter: 5 * time.Second,
	},
	"queue_unavailable": {
		Status: http.StatusServiceUnavailable, Text: "The queue cannot be reached",
		RetryAfter: 5 * time.Second,
	},
	"idempotency_conflict": {Status: http.StatusConflict},
	"wrong_state":          {Status: http.StatusConflict},
	"rate_limit_exceeded":  {Status: http.StatusTooManyRequests},
	"not_found":            {Status: http.StatusNotFound},
	"expired":              {Status: http.StatusGone},
	"not_ready":            {Status: http.StatusConflict},
	"no_result":            {Status: http.StatusConflict},
	"wait_over":            {Status: http.StatusGatewayTimeout},
	"shutting_down": {
		Status: http.StatusServiceUnavailable, Text: "The server is shutting down",
	},

	"bad_body":               {Status: http.StatusUnprocessableEntity},
	"bad_multipart":          {Status: http.StatusBadRequest},
	"bad_query":              {Status: http.StatusBadRequest},
	"bad_request":            {Status: http.StatusBadRequest},
	"bad_cursor":             {Status: http.StatusBadRequest},
	"multiple_images":        {Status: http.StatusBadRequest},
	"unsupported_media_type": {Status: http.StatusUnsupportedMediaType},
	"bad_url":                {Status: http.StatusBadRequest},
	"fetch_failed":           {Status: http.StatusBadRequest},
	"urls_off":               {Status: http.StatusBadRequest},
	"callbacks_off":          {Status: http.StatusBadRequest},
	"missing_key":            {Status: http.StatusUnauthorized},
	"auth_failed":            {Status: http.StatusForbidden},
	"cross_origin":           {Status: http.StatusForbidden},
	"method_not_allowed":     {Status: http.StatusMethodNotAllowed},
	"request_timeout":        {Status: http.StatusRequestTimeout},
	"client_gone":            {Status: StatusClientGone},
	"internal_server_error":  {Status: http.StatusInternalServerError},
}
