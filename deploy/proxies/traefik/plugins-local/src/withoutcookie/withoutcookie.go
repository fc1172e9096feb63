// Package withoutcookie is a middleware for Traefik that removes one cookie from the requests to the application.
package withoutcookie

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Config is what the dynamic configuration says.
type Config struct {
	// Name is the cookie's name without the prefixes of RFC 6265bis.
	Name string `json:"name"`
}

// CreateConfig makes an empty configuration.
func CreateConfig() *Config {
	return &Config{}
}

// New makes the middleware. Without a name it would do nothing, so that is an error.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.Name == "" {
		return nil, errors.New("name: the cookie's is required")
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

// ServeHTTP leaves the other cookies as they were sent, whatever they look like.
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
