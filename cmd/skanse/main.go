// Command skanse is the whole product in one binary; see internal/app for its sub-commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/skanse/skanse/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
