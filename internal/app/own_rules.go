package app

import (
	"context"
	"fmt"
	"sync"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// ruling is which detections run. They may be others while the server works: somebody
// uploads one of the plant's own.
type ruling struct {
	mu     sync.RWMutex
	bundle string // their hash, as edges name it
	ears   []ear  // of this machine: they begin anew with other rules
	change sync.Mutex
}

// sensing is what every source is read with from now on.
func (s *server) sensing() sensor.Config {
	s.rules.mu.RLock()
	defer s.rules.mu.RUnlock()
	return s.sensor
}

// runningRules says which detections this machine runs.
func (s *server) runningRules() edge.RuleState {
	s.rules.mu.RLock()
	defer s.rules.mu.RUnlock()
	return ruleState(s.rules.bundle, s.sensor.Rules)
}

// hearRules remembers who listens here.
func (s *server) hearRules(ears []ear) {
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.ears = ears
}

// withOwnRules adds what was uploaded to the detections of the program and of the data
// folder, and makes all of them run here. What cannot run any more is left out and said.
func (s *server) withOwnRules(ctx context.Context, files []rule.File) ([]rule.File, error) {
	own, left, err := s.detect.Own(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		s.log.Warn("a file of own rules does not run: this program finds mistakes in it; the page of detections names them", "file", name)
	}
	all := append(files[:len(files):len(files)], own...)
	if err := s.useRules(all); err != nil { // an id that is shipped by now, say: the others go on
		s.log.Warn("uploaded rules do not run: together with those of this program they are not in order", "why", err)
		if all = files; s.useRules(all) != nil {
			return nil, err
		}
	}
	if err := s.detect.LoadLogRules(ctx); err != nil {
		return nil, err
	}
	return all, s.detect.NoteRules(ctx)
}

// useRules makes these the detections of the server itself.
func (s *server) useRules(files []rule.File) error {
	set, err := ruleSet(s.sensor.Protocols, files)
	if err != nil {
		return err
	}
	s.rules.mu.Lock()
	s.sensor.Rules = set
	ears := s.rules.ears
	s.rules.mu.Unlock()
	s.detect.UseRules(set)
	for _, e := range ears {
		if e.listening != nil {
			e.listening.again()
		}
	}
	return nil
}

// reloadRules makes what was just uploaded run: here, for captures that are read from now
// on, and at every edge with its next word to the centre.
func (s *server) reloadRules(ctx context.Context) error {
	s.rules.change.Lock()
	defer s.rules.change.Unlock()
	files, err := rulesWith(s.opts.Data.detections())
	if err != nil {
		return fmt.Errorf("read the detections anew: %w", err)
	}
	if files, err = s.withOwnRules(ctx, files); err != nil {
		return err
	}
	b := bundle(files)
	s.rules.mu.Lock()
	s.rules.bundle = b.Hash
	s.rules.mu.Unlock()
	s.captures.UseRules(s.sensing().Rules)
	s.edges.UseRules(b)
	return nil
}
