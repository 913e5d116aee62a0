// SPDX-License-Identifier: Apache-2.0

// Command refusals has three requests refused, and shows how to tell why:
//
//	go run ./examples/refusals
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/examples/internal/server"
	"pronto-grpc/clients/go/prontov1"
)

func main() {
	log.SetFlags(0)
	client, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for _, show := range []func(context.Context, *pronto.Client) error{overBudget, invalid, rateLimited} {
		if err := show(context.Background(), client); err != nil {
			log.Fatal(err)
		}
	}
}

// refusal finds the error of the server in err, if it has this reason. Anything else,
// such as a broken connection, is no refusal.
func refusal(err error, reason prontov1.ErrorReason) (*pronto.Error, error) {
	var e *pronto.Error
	if errors.As(err, &e) && e.Reason == reason {
		return e, nil
	}
	return nil, fmt.Errorf("want %s, got: %w", reason, err)
}

// overBudget asks for what could cost more than the call may cost. Nothing is sent to
// Pronto.
func overBudget(ctx context.Context, client *pronto.Client) error {
	_, err := client.Contacts.EnrichContact(ctx, &prontov1.EnrichContactRequest{
		FirstName:      "Wei",
		LastName:       "Young",
		CompanyName:    proto.String("Oakline Logistics"),
		EnrichmentType: []prontov1.EnrichmentType{prontov1.EnrichmentType_ENRICHMENT_TYPE_EMAIL},
		MaxCredits:     proto.Int64(0),
	})
	e, err := refusal(err, prontov1.ErrorReason_ERROR_REASON_BUDGET_EXCEEDED)
	if err != nil {
		return err
	}
	if len(e.QuotaViolations) == 0 {
		return errors.New("the refusal names no limit")
	}
	for _, violation := range e.QuotaViolations {
		fmt.Printf("budget: %s: %s\n", violation.Subject, violation.Description)
	}
	return nil
}

// invalid makes two mistakes at once; the error names both fields.
func invalid(ctx context.Context, client *pronto.Client) error {
	_, err := client.Leads.StartLeadSearch(ctx, &prontov1.SearchLeadsRequest{
		Filters: &prontov1.LeadFilters{IncludedLocations: []string{"Paris"}},
		Limit:   proto.Int32(0),
	})
	e, err := refusal(err, prontov1.ErrorReason_ERROR_REASON_INVALID_REQUEST)
	if err != nil {
		return err
	}
	if len(e.FieldViolations) != 2 {
		return fmt.Errorf("want two mistakes, got %v", e.FieldViolations)
	}
	for _, violation := range e.FieldViolations {
		fmt.Printf("invalid: %s: %s\n", violation.Field, violation.Description)
	}
	return nil
}

// rateLimited calls more often than Pronto allows, twice a minute. Such a call waits in
// the server for its turn; one whose deadline is earlier than that is refused at once.
func rateLimited(ctx context.Context, client *pronto.Client) error {
	var err error
	for calls := 0; err == nil && calls < 10; calls++ {
		err = headcount(ctx, client)
	}
	e, err := refusal(err, prontov1.ErrorReason_ERROR_REASON_RATE_LIMITED)
	if err != nil {
		return err
	}
	if e.RetryDelay <= 0 {
		return errors.New("the refusal does not say when to try again")
	}
	fmt.Printf("rate limited: try again in %.0f s\n", e.RetryDelay.Seconds())
	return nil
}

func headcount(ctx context.Context, client *pronto.Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := client.Accounts.GetHeadcount(ctx, &prontov1.GetHeadcountRequest{
		CompanyLinkedinUrl: proto.String("https://www.linkedin.com/company/oakline-logistics"),
	})
	return err
}
