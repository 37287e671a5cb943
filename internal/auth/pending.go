package auth

import (
	"sync"
	"time"
)

// perBegin is how many passkey and provider sign-ins an address may begin, then one a
// minute; a page that is opened begins none.
const perBegin = 60

// pendings holds what was begun and not ended: each is taken once. It is in memory; a
// restart means that a person begins again.
type pendings[T any] struct {
	mu sync.Mutex
	m  map[string]pending[T]
}

type pending[T any] struct {
	value T
	end   time.Time
}

func (p *pendings[T]) put(now time.Time, key string, value T, life time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil || len(p.m) >= maxCounters {
		kept := map[string]pending[T]{}
		for k, x := range p.m {
			if now.Before(x.end) {
				kept[k] = x
			}
		}
		if len(kept) >= maxCounters { // a flood: everybody begins again
			kept = map[string]pending[T]{}
		}
		p.m = kept
	}
	p.m[key] = pending[T]{value, now.Add(life)}
}

func (p *pendings[T]) take(now time.Time, key string) (value T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x, ok := p.m[key]
	delete(p.m, key)
	if !ok || !now.Before(x.end) {
		return value, false
	}
	return x.value, true
}
