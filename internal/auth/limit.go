package auth

import (
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Sign-in attempts: a person who mistypes gets five in a row, then one a minute; an
// address, behind which a whole office may sit, gets more.
const (
	perPerson   = 5
	perAddress  = 20
	refill      = time.Minute
	maxCounters = 10_000
)

// limiter is a token bucket a key. It is in memory: a restart forgives, and an
// attacker who can restart the server needs no password.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	used float64
	at   time.Time
}

// take counts one attempt, or says how long to wait.
func (l *limiter) take(now time.Time, key string, size int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil || len(l.buckets) >= maxCounters {
		l.shrink(now)
	}
	b := l.left(now, key)
	if b.used+1 > float64(size) {
		wait := time.Duration((b.used + 1 - float64(size)) * float64(refill)).Round(time.Second)
		return ot.Errorf(ot.TooMany, "too many attempts to sign in: try again in %s", max(wait, time.Second))
	}
	b.used++
	l.buckets[key] = b
	return nil
}

// forget gives a person who signed in all attempts back.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	delete(l.buckets, key)
	l.mu.Unlock()
}

func (l *limiter) left(now time.Time, key string) bucket {
	b := l.buckets[key]
	if ran := now.Sub(b.at); ran > 0 {
		b.used = max(0, b.used-float64(ran)/float64(refill))
	}
	b.at = now
	return b
}

// shrink drops what has refilled, and if that is not enough everything: a flood of
// made-up names must not grow the memory, and each name of it had its attempts.
func (l *limiter) shrink(now time.Time) {
	kept := map[string]bucket{}
	for k := range l.buckets {
		if b := l.left(now, k); b.used > 0 {
			kept[k] = b
		}
	}
	if len(kept) >= maxCounters {
		kept = map[string]bucket{}
	}
	l.buckets = kept
}
