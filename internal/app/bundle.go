package app

// BundleCmd works with what Skanse knows from outside: advisories and the lists beside them.
type BundleCmd struct {
	Check BundleCheckCmd `cmd:"" help:"Match assets with advisories, without a server."`
}
