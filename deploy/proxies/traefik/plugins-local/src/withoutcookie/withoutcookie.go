// Package withoutcookie is a middleware for Traefik that removes one cookie from the requests to the application.
package withoutcookie

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Config is the part of the dynamic configuration for this middleware.
type Config struct {
	// Name is the name of the cookie without the prefixes of RFC 6265bis.
	Name string `json:"name"`
}

// CreateConfig returns an empty configuration.
func CreateConfig() *Config {
	return &Config{}
}

// New returns the middleware. It fails without a name, because the middleware would then have no effect.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.Name == "" {
		return nil, errors.New("name: the name of the cookie is required")
	}
	return &withoutCookie{next: next, pairs: []string{config.Name + "=", "__Host-" + config.Name + "=", "__Secure-" + config.Name + "="}}, nil
}

type withoutCookie struct {
	next  http.Handler
	pairs []string
}

func (w *withoutCookie) removes(pair string) bool {
	for _, start := range w.pairs {
		if strings.HasPrefix(pair, start) {
			return true
		}
	}
	return false
}

// ServeHTTP removes the cookie and forwards all other cookies unchanged, even if they are malformed.
func (w *withoutCookie) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	var kept []string
	for _, line := range request.Header.Values("Cookie") {
		for _, pair := range strings.Split(line, ";") {
			pair = strings.TrimSpace(pair)
			if pair != "" && !w.removes(pair) {
				kept = append(kept, pair)
			}
		}
	}
	request.Header.Del("Cookie")
	if len(kept) > 0 {
		request.Header.Set("Cookie", strings.Join(kept, "; "))
	}
	w.next.ServeHTTP(answer, request)
}
