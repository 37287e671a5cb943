package network

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Content is the bytes of a program that passed by, with what it was called.
type Content struct {
	Name   string `db:"name"`
	SHA256 string `db:"sha256"`
	SiteID string `db:"site_id"`
	Bytes  []byte `db:"bytes"`
}

// Content fetches a program's bytes.
func (s *Service) Content(ctx context.Context, scope Scope, id string) (c Content, err error) {
	a, b, _ := strings.Cut(id, ".")
	site, err1 := strconv.ParseInt(a, 10, 64)
	no, err2 := strconv.ParseInt(b, 10, 64)
	absent := ot.Errorf(ot.NotFound, "there is no program %s with bytes that are kept", ot.Printable(id))
	if err1 != nil || err2 != nil {
		return c, absent
	}
	err = s.db.View(ctx, func(tx store.Reader) error {
		rows, err := store.All[Content](ctx, tx, `SELECT p.name, p.sha256, s.site_id, x.bytes FROM network_program p JOIN org_site s ON s.site_no = p.site_no
 JOIN network_conversation c ON c.site_no = p.site_no AND c.conv_no = p.conv_no JOIN network_content x ON x.sha256 = p.sha256
 WHERE p.site_no = ? AND p.program_no = ? AND (? OR ?)`, site, no, scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no"))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return absent
		}
		c = rows[0]
		return nil
	})
	return c, err
}

func (s *Service) programRoutes(r *rest.Router) {
	r.Raw(rest.Op{ID: "get-program-content", Method: http.MethodGet, Path: "/programs/{id}/content", Summary: "The bytes of a program that passed by", Tag: "Conversations", Permission: auth.PacketRead, Audit: "program.read"},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			id := q.PathValue("id")
			c, err := s.Content(q.Context(), auth.From(q.Context()).Scope, id)
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			rest.Target(q.Context(), c.SiteID, ot.Ref{Kind: "program", ID: id})
			rest.Detail(q.Context(), "sha256", c.SHA256)
			// What the wire called it names no file of ours: the hash does.
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Content-Disposition", `attachment; filename="program-`+c.SHA256[:min(16, len(c.SHA256))]+`.bin"`)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Length", strconv.Itoa(len(c.Bytes)))
			_, _ = w.Write(c.Bytes) // the client is gone: nothing is left to tell it
		}))
}
