package cairn

import (
	"context"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"cairn/clients/go/cairnv1"
)

const (
	// unaryTimeout is for calls of one message each way. Streams may take as long as they need, while the other side answers.
	unaryTimeout = 30 * time.Second
	// finishTimeout is how long combining the parts of an upload may take: S3 may need minutes.
	finishTimeout = 660 * time.Second
	// silence is how long a stream of content may be silent. The server gives up on one that is silent for a minute.
	silence = 20 * time.Second
	// quiet is how long the server may send nothing while its messages are waited for. Of a watch it sends something every 15
	// seconds.
	quiet = 60 * time.Second

	largestMessage = 4 << 20
	pageSize       = 200
)

// The calls of this package are repeated by itself, under their idempotency keys. gRPC repeats those that programs make on
// Conn and that change nothing.
const serviceConfig = `{"methodConfig": [{
	"name": [{"service": "cairn.v1.ReadService"}],
	"retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]}
}]}`

// connection makes the calls.
type connection struct {
	*settings
	// calls and watches are connections of their own, so that watches share no flow-control window with uploads. Each is made
	// with its first call.
	calls, watches *grpc.ClientConn

	artifacts cairnv1.ArtifactServiceClient
	sessions  cairnv1.SessionServiceClient
	links     cairnv1.LinkServiceClient
	uploads   cairnv1.UploadServiceClient
	todos     cairnv1.TodoServiceClient
	jobs      cairnv1.JobServiceClient
	identity  cairnv1.IdentityServiceClient
	events    cairnv1.SessionServiceClient
}

func dial(it *settings, more []grpc.DialOption) (*connection, error) {
	transport := insecure.NewCredentials()
	if it.tls != nil {
		transport = credentials.NewTLS(it.tls)
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithChainUnaryInterceptor(it.unaryCredential),
		grpc.WithChainStreamInterceptor(it.streamCredential),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestMessage), grpc.MaxCallSendMsgSize(largestMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithInitialWindowSize(4 << 20),
		grpc.WithInitialConnWindowSize(16 << 20),
		// The command uses no proxy either.
		grpc.WithNoProxy(),
		grpc.WithUserAgent("cairn-go"),
	}, more...)
	calls, err := grpc.NewClient(it.target, options...)
	if err != nil {
		return nil, configurationError("%s: %v", it.address, err)
	}
	watches, err := grpc.NewClient(it.target, options...)
	if err != nil {
		return nil, configurationError("%s: %v", it.address, err)
	}
	return &connection{
		settings:  it,
		calls:     calls,
		watches:   watches,
		artifacts: cairnv1.NewArtifactServiceClient(calls),
		sessions:  cairnv1.NewSessionServiceClient(calls),
		links:     cairnv1.NewLinkServiceClient(calls),
		uploads:   cairnv1.NewUploadServiceClient(calls),
		todos:     cairnv1.NewTodoServiceClient(calls),
		jobs:      cairnv1.NewJobServiceClient(calls),
		identity:  cairnv1.NewIdentityServiceClient(calls),
		events:    cairnv1.NewSessionServiceClient(watches),
	}, nil
}

func (s *settings) outgoing(ctx context.Context) (context.Context, error) {
	key, err := s.credential()
	if err != nil {
		return ctx, err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	if given, _ := metadata.FromOutgoingContext(ctx); s.traced != "" && len(given.Get("traceparent")) == 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", s.traced)
	}
	return ctx, nil
}

func (s *settings) unaryCredential(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	ctx, err := s.outgoing(ctx)
	if err != nil {
		return err
	}
	return invoke(ctx, method, request, reply, conn, options...)
}

func (s *settings) streamCredential(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, err := s.outgoing(ctx)
	if err != nil {
		return nil, err
	}
	return open(ctx, desc, conn, method, options...)
}

// A method of a generated stub that has one message each way.
type method[Q, A any] func(context.Context, Q, ...grpc.CallOption) (A, error)

// once makes a call a single time.
func once[Q, A any](ctx context.Context, c *connection, call method[Q, A], request Q, timeout time.Duration) (A, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := call(limited, request)
	return answer, ofCall(ctx, err, c.address)
}

// unary makes a call that is safe to repeat: it changes nothing, or has an idempotency key.
func unary[Q, A any](ctx context.Context, c *connection, call method[Q, A], request Q) (A, error) {
	return retried(ctx, func() (A, error) { return once(ctx, c, call, request, unaryTimeout) })
}

// pages reads the pages of a list, each when it is wanted. next puts the token into the request.
func pages[Q any, A interface{ GetNextPageToken() string }](
	ctx context.Context, c *connection, call method[Q, A], request Q, next func(token string),
) iter.Seq2[A, error] {
	return func(yield func(A, error) bool) {
		// The list may be read again, from its beginning.
		next("")
		for {
			answer, err := unary(ctx, c, call, request)
			if !yield(answer, err) || err != nil || answer.GetNextPageToken() == "" {
				return
			}
			next(answer.GetNextPageToken())
		}
	}
}

// items are those of pages, one after another.
func items[P, M, T any](of iter.Seq2[P, error], messages func(P) []M, convert func(M) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for page, err := range of {
			if err != nil {
				yield(none, err)
				return
			}
			for _, message := range messages(page) {
				if !yield(convert(message), nil) {
					return
				}
			}
		}
	}
}

// A watchdog ends a call whose other side does nothing for too long. gRPC has no limit on that.
type watchdog struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// guarded is a context for a stream that the watchdog ends.
func guarded(ctx context.Context) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	it := &watchdog{cancel: cancel}
	it.timer = time.AfterFunc(quiet, func() { cancel(errQuiet) })
	return ctx, it
}

var errQuiet = lost("the server did nothing for %v", quiet)

// expect begins to wait, for at most this time.
func (w *watchdog) expect(limit time.Duration) { w.timer.Reset(limit) }

// pause stops waiting: it is the program's turn.
func (w *watchdog) pause() { w.timer.Stop() }

// end ends the call.
func (w *watchdog) end() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// explain is the error of a call that the watchdog may have ended. caller is the caller's context, and guarded the call's.
func explain(caller, guarded context.Context, err error, address string) error {
	if err != nil && caller.Err() == nil && context.Cause(guarded) == error(errQuiet) {
		return errQuiet
	}
	return ofCall(caller, err, address)
}
