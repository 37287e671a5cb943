package centre

import (
	"github.com/skanse/skanse/internal/edge"
)

// signedRules is the bundle for an edge that runs another one. An edge whose program
// is too old to say what it runs would not understand it; one that refused this
// bundle is not asked again.
func (s *Service) signedRules(e *edgeRow) (*edge.Signed, error) {
	has, rules := e.Health.V.Rules, s.rules.Load()
	if rules == nil || e.InProcess || has.Bundle == "" || has.Bundle == rules.Hash || has.Failed == rules.Hash {
		return nil, nil
	}
	body, err := rules.Body()
	if err != nil {
		return nil, err
	}
	return edge.Sign(s.ca.key, "rules "+e.ID, body), nil
}

// wantedRules names the bundle that an edge shall run.
func (s *Service) wantedRules() string {
	if rules := s.rules.Load(); rules != nil {
		return rules.Hash
	}
	return ""
}

// UseRules makes another bundle the one that edges shall run; each gets it with its next hello.
func (s *Service) UseRules(rules edge.Rules) { s.rules.Store(&rules) }
