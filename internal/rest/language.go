package rest

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/translate"
)

// inLanguage says an answer's sentences in the language that the request asks for.
func (r *Router) inLanguage(c huma.Context, _ string, v any) (any, error) {
	if r.cfg.Say == nil {
		return v, nil
	}
	c.AppendHeader("Vary", "Accept-Language")
	return r.cfg.Say.Say(translate.Accepted(c.Header("Accept-Language")), v), nil
}
