// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"slices"

	"google.golang.org/grpc"

	"pronto-grpc/clients/go/prontov1"
)

// Client has the stubs of every service. It may be used by any
// number of goroutines.
type Client struct {
	Accounts  prontov1.AccountServiceClient
	Contacts  prontov1.ContactServiceClient
	Jobs      prontov1.JobServiceClient
	Leads     prontov1.LeadServiceClient
	Lists     prontov1.ListServiceClient
	Locations prontov1.LocationServiceClient
	Personas  prontov1.PersonaServiceClient
	Sandbox   prontov1.SandboxServiceClient
	Searches  prontov1.SearchServiceClient
	Signals   prontov1.SignalServiceClient
	Usage     prontov1.UsageServiceClient
	Workspace prontov1.WorkspaceServiceClient

	conn *grpc.ClientConn
	// The connections of the streams of Follow.
	pool *pool
}

// Connect makes a client for the server at target: `host:port`, `unix:/path`, or the
// empty text for [DefaultTarget]. The connection is plaintext unless an option of TLS
// is given, and is opened by the first call.
//
// Credentials are never sent in the clear to another machine: without TLS, to an
// address that is neither loopback nor a Unix socket, Connect refuses a token or a
// key, unless [WithInsecureCredentials] is given.
func Connect(target string, options ...Option) (*Client, error) {
	where, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	var s settings
	for _, option := range options {
		option(&s)
	}
	dialOptions, err := s.dialOptions(where)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(where.name, dialOptions...)
	if err != nil {
		return nil, err
	}
	client := newClient(conn)
	client.pool = newPool(func() (*grpc.ClientConn, error) {
		return grpc.NewClient(where.name, append(slices.Clip(dialOptions), grpc.WithDisableRetry())...)
	})
	return client, nil
}

func newClient(conn *grpc.ClientConn) *Client {
	return &Client{
		Accounts:  prontov1.NewAccountServiceClient(conn),
		Contacts:  prontov1.NewContactServiceClient(conn),
		Jobs:      prontov1.NewJobServiceClient(conn),
		Leads:     prontov1.NewLeadServiceClient(conn),
		Lists:     prontov1.NewListServiceClient(conn),
		Locations: prontov1.NewLocationServiceClient(conn),
		Personas:  prontov1.NewPersonaServiceClient(conn),
		Sandbox:   prontov1.NewSandboxServiceClient(conn),
		Searches:  prontov1.NewSearchServiceClient(conn),
		Signals:   prontov1.NewSignalServiceClient(conn),
		Usage:     prontov1.NewUsageServiceClient(conn),
		Workspace: prontov1.NewWorkspaceServiceClient(conn),
		conn:      conn,
	}
}

// Conn is the connection, for stubs of other services such as health. Errors of calls
// on it are of type [*Error], too.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close closes the connections and ends what is under way on them, also streams that
// wait for their next attempt.
func (c *Client) Close() error { return errors.Join(c.conn.Close(), c.pool.shut()) }
