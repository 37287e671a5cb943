package network

import (
	"context"

	"github.com/skanse/skanse/internal/store"
)

// Where tells, in the caller's transaction, in which zone addresses of a site stand
// (0: in none) and whether they are somewhere on the internet. The answer holds for the
// named addresses and as long as the transaction.
func (s *Service) Where(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (func(realmNo int64, mac, ip string) (zoneNo int64, internet bool), error) {
	e, err := s.loadEnds(ctx, r, siteNo, addresses)
	if err != nil {
		return nil, err
	}
	return e.of, nil
}
