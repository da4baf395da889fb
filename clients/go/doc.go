// Package cairn is the client of Cairn, an artifact store for AI agents.
//
//	store, err := cairn.Connect(cairn.Config{}) // CAIRN_ADDR and CAIRN_API_KEY, as `cairn dev` writes them into dev.env
//	run := store.Session("run-42").As("writer")
//	report, err := run.Push(ctx, "report.md", file, &cairn.PushOptions{Stage: cairn.StageFinal})
//
// Every transfer is verified and repeated under an idempotency key. Content over 64 MiB is sent by an upload that goes on
// after a lost connection. Errors are an [*Error] with a [Reason], and match [io/fs.ErrNotExist], [io/fs.ErrExist] and
// [io/fs.ErrPermission]. Calls take nil for options that are all at their defaults. A client and a scope may be shared by
// goroutines; a reader or a writer may not. The project's docs/go.md describes all of it.
//
// Package cairnv1 beside it has the generated messages and stubs, for calls that this package does not have; they work on
// [Client.Conn].
package cairn

//go:generate scripts/generate
