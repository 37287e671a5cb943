//go:build depsonly

package app

import (
	_ "codeberg.org/go-pdf/fpdf"
	_ "github.com/aymanbagabas/go-udiff"
	_ "github.com/coreos/go-oidc/v3/oidc"
	_ "github.com/creack/pty"
	_ "github.com/emersion/go-smtp"
	_ "github.com/go-ldap/ldap/v3"
	_ "github.com/go-webauthn/webauthn/webauthn"
	_ "github.com/pkg/sftp"
	_ "github.com/robfig/cron/v3"
	_ "github.com/wneessen/go-mail"
	_ "github.com/xuri/excelize/v2"
	_ "github.com/zitadel/oidc/v3/example/server/exampleop"
	_ "github.com/zitadel/oidc/v3/example/server/storage"
	_ "golang.org/x/net/bpf"
	_ "golang.org/x/net/http2"
	_ "golang.org/x/oauth2"
)
