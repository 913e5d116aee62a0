// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func ownMetadata(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := requestIDComesBack(ctx, client); err != nil {
		return err
	}
	return jobsBelongToTheirKey(ctx, client)
}

func requestIDComesBack(ctx context.Context, client *pronto.Client) error {
	const id = "interop-go"
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", id)
	var header metadata.MD
	request := &prontov1.SearchLocationsRequest{Name: "Paris"}
	if _, err := client.Locations.SearchLocations(ctx, request, grpc.Header(&header)); err != nil {
		return err
	}
	if got := header.Get("x-request-id"); len(got) != 1 || got[0] != id {
		return fmt.Errorf("x-request-id %q, want %q", got, id)
	}
	return nil
}

func jobsBelongToTheirKey(ctx context.Context, client *pronto.Client) error {
	other, err := connect(pronto.WithAPIKey("somebody-else"))
	if err != nil {
		return err
	}
	defer other.Close()
	start, err := other.Leads.StartLeadSearch(ctx, engineers(1))
	if err != nil {
		return err
	}
	request := &prontov1.GetJobRequest{JobId: start.GetJob().GetId()}
	if _, err := other.Jobs.GetJob(ctx, request); err != nil {
		return fmt.Errorf("with its key: %w", err)
	}
	_, err = client.Jobs.GetJob(ctx, request)
	return expect(err, codes.NotFound, "NOT_FOUND")
}
