// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// unknownJob is a UUID that no server has given to a job.
const unknownJob = "00000000-0000-7000-8000-000000000000"

func typedErrors(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	request := &prontov1.SearchLeadsRequest{
		Filters: &prontov1.LeadFilters{IncludedLocations: []string{"Paris"}},
		Limit:   proto.Int32(0),
	}
	_, err = client.Leads.StartLeadSearch(ctx, request)
	if err := checkViolations(err); err != nil {
		return fmt.Errorf("unary: %w", err)
	}
	stream, err := client.Leads.SearchLeads(ctx, request)
	if err == nil {
		_, err = stream.Recv()
	}
	if err := checkViolations(err); err != nil {
		return fmt.Errorf("streaming: %w", err)
	}
	return checkUnknownJob(ctx, client)
}

func checkViolations(err error) error {
	if err := expect(err, codes.InvalidArgument, "INVALID_REQUEST"); err != nil {
		return err
	}
	e, _ := pronto.AsError(err)
	want := []pronto.FieldViolation{
		{Field: "filters.included_locations[0]", Description: "must consist of digits"},
		{Field: "limit", Description: "must be at least 1"},
	}
	if !slices.Equal(e.FieldViolations, want) {
		return fmt.Errorf("violations %v, want %v", e.FieldViolations, want)
	}
	return nil
}

func checkUnknownJob(ctx context.Context, client *pronto.Client) error {
	_, err := client.Jobs.GetJob(ctx, &prontov1.GetJobRequest{JobId: unknownJob})
	if err := expect(err, codes.NotFound, "NOT_FOUND"); err != nil {
		return err
	}
	e, _ := pronto.AsError(err)
	if e.Metadata["job_id"] != unknownJob {
		return fmt.Errorf("metadata %v", e.Metadata)
	}
	return nil
}
