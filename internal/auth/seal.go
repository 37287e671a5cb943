package auth

import (
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/seal"
)

// openBox makes the box of what signing in keeps: the secrets of authenticator apps, and
// the passwords by which directories and providers know this server. Release 0.1 had it.
func openBox(key []byte) (*seal.Box, error) {
	if key == nil {
		return nil, nil
	}
	return seal.NewSince01(key, "signing in")
}

// seal binds the secret to its owner: copied to another person's row it does not open.
func (s *Service) seal(secret, owner string) ([]byte, error) {
	if s.box == nil {
		return nil, ot.Errorf(ot.Conflict, "this Skanse has no key for the second step")
	}
	return s.box.Seal(secret, owner), nil
}

// unseal says otherwise what it means to this reader that the key is another one.
func (s *Service) unseal(sealed []byte, owner string, otherKey error) (string, error) {
	if s.box == nil {
		return "", ot.Errorf(ot.Conflict, "this Skanse has no key for the second step")
	}
	secret, err := s.box.Open(sealed, owner)
	if err != nil {
		return "", otherKey
	}
	return secret, nil
}
