package detect

import (
	"context"
	"net/http"
	"strconv"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

type ownFiles struct {
	Items []OwnFile `json:"items" nullable:"false"`
}

type ownFile struct {
	ETag string `header:"ETag"`
	Body OwnFile
}

// fileBody bounds a request with a file: its text with every line break escaped.
const fileBody = 1 << 20

// everywhere refuses who sees a part of the plant only: own rules run at every site.
func everywhere(ctx context.Context) error {
	if !auth.From(ctx).Scope.All {
		return ot.Errorf(ot.Forbidden, "own rules and indicators count at every site: only who sees the whole installation may change them")
	}
	return nil
}

// fileRoutes mounts the plant's own rules.
func (s *Service) fileRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-detection-files", Method: http.MethodGet, Path: "/detection-files", Summary: "Files of the plant's own rules", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, _ *struct{}) (*struct{ Body ownFiles }, error) {
			out, err := s.Files(ctx)
			return &struct{ Body ownFiles }{ownFiles{out}}, err
		})
	type check struct {
		Name string `json:"name" maxLength:"64" doc:"As it will be kept: its own old rules do not count as taken"`
		Text string `json:"text" maxLength:"262144"`
	}
	rest.Register(r, rest.Op{ID: "check-detection-file", Method: http.MethodPost, Path: "/detection-files/check", Summary: "What is wrong with a file of rules, and what it would have found in 30 days; nothing is kept", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.check", MaxBody: fileBody},
		func(ctx context.Context, in *struct{ Body check }) (*struct{ Body Checked }, error) {
			out, err := s.Check(ctx, auth.From(ctx).Scope, in.Body.Name, in.Body.Text)
			return &struct{ Body Checked }{out}, err
		})
	rest.Register(r, rest.Op{ID: "put-detection-file", Method: http.MethodPut, Path: "/detection-files/{name}", Summary: "Keep a file of own rules, and turn it on or off", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.file", MaxBody: fileBody},
		func(ctx context.Context, in *struct {
			Name    string `path:"name" maxLength:"64"`
			IfMatch string `header:"If-Match" doc:"The ETag of the version that you saw; without it the file is new"`
			Body    NewFile
		},
		) (*ownFile, error) {
			rest.Detail(ctx, "file", ot.Printable(in.Name))
			rest.Detail(ctx, "reason", ot.Printable(in.Body.Reason))
			rest.Detail(ctx, "on", strconv.FormatBool(in.Body.On))
			if err := everywhere(ctx); err != nil {
				return nil, err
			}
			out, err := s.PutFile(ctx, byWhom(ctx), in.Name, in.Body, in.IfMatch)
			return &ownFile{out.ETag, out}, err
		})
	rest.Register(r, rest.Op{ID: "drop-detection-file", Method: http.MethodDelete, Path: "/detection-files/{name}", Summary: "Remove a file of own rules; its alerts stay", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.file.remove"},
		func(ctx context.Context, in *struct {
			Name    string `path:"name" maxLength:"64"`
			IfMatch string `header:"If-Match"`
		},
		) (*struct{}, error) {
			rest.Detail(ctx, "file", ot.Printable(in.Name))
			if err := everywhere(ctx); err != nil {
				return nil, err
			}
			return nil, s.DropFile(ctx, in.Name, in.IfMatch)
		})
	rest.Register(r, rest.Op{ID: "try-detection", Method: http.MethodPost, Path: "/sites/{site}/detections/{rule}/try", Summary: "What a setting of a rule would have let through in the last 30 days; nothing is kept", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.try"},
		func(ctx context.Context, in *struct {
			Site string `path:"site"`
			Rule string `path:"rule"`
			Body Setting
		},
		) (*struct{ Body Would }, error) {
			rest.Detail(ctx, "rule", ot.Printable(in.Rule))
			out, err := s.Try(ctx, auth.From(ctx).Scope, in.Site, in.Rule, in.Body)
			return &struct{ Body Would }{out}, err
		})
}
