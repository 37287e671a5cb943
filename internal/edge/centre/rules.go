package centre

import (
	"github.com/skanse/skanse/internal/edge"
)

// signedRules is the bundle for an edge that runs another one. An edge whose program
// is too old to say what it runs would not understand it; one that refused this
// bundle is not asked again.
func (s *Service) signedRules(e *edgeRow) (*edge.Signed, error) {
	has := e.Health.V.Rules
	if s.rules == nil || e.InProcess || has.Bundle == "" || has.Bundle == s.rules.Hash || has.Failed == s.rules.Hash {
		return nil, nil
	}
	body, err := s.rules.Body()
	if err != nil {
		return nil, err
	}
	return edge.Sign(s.ca.key, "rules "+e.ID, body), nil
}

// wantedRules names the bundle that an edge shall run.
func (s *Service) wantedRules() string {
	if s.rules == nil {
		return ""
	}
	return s.rules.Hash
}
