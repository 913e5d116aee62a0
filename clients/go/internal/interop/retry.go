// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// retry runs over a wire that breaks two of three connections when an answer begins.
// Each call has a connection of its own, so the first attempt always breaks.
func retry(ctx context.Context, _ []string) error {
	if err := onNewConnection(ctx, findParis); err != nil {
		return fmt.Errorf("idempotent: %w", err)
	}
	if err := onNewConnection(ctx, enrichWith(rand.Text())); err != nil {
		return fmt.Errorf("with a request_id: %w", err)
	}
	err := onNewConnection(ctx, enrichWith(""))
	if err := expectCode(err, codes.Unavailable, codes.Unknown, codes.Internal, codes.Canceled); err != nil {
		return fmt.Errorf("without a request_id: %w", err)
	}
	return nil
}

func onNewConnection(ctx context.Context, call func(context.Context, *pronto.Client) error) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	return call(ctx, client)
}

func enrichWith(requestID string) func(context.Context, *pronto.Client) error {
	return func(ctx context.Context, client *pronto.Client) error {
		_, err := client.Contacts.EnrichContact(ctx, &prontov1.EnrichContactRequest{
			FirstName:      "Wei",
			LastName:       "Young",
			CompanyName:    proto.String("Oakline Logistics"),
			EnrichmentType: []prontov1.EnrichmentType{prontov1.EnrichmentType_ENRICHMENT_TYPE_EMAIL},
			RequestId:      requestID,
		})
		return err
	}
}
