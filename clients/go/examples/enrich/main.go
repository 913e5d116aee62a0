// SPDX-License-Identifier: Apache-2.0

// Command enrich adds emails to a CSV file of 2 to 100 contacts with the columns
// first_name, last_name, company_name and linkedin_url:
//
//	go run ./examples/enrich IN.csv OUT.csv REQUEST_ID
//
// REQUEST_ID is a text of your choice. Run again with the same one, after a crash for
// example, the command continues the same job and pays nothing, for as long as the
// server keeps ids (docs/money.md).
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/examples/internal/server"
	"pronto-grpc/clients/go/prontov1"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: enrich IN.csv OUT.csv REQUEST_ID")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := enrich(ctx, client, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func enrich(ctx context.Context, client *pronto.Client, in, out, requestID string) error {
	contacts, err := readTable(in)
	if err != nil {
		return err
	}
	job, err := start(ctx, client, contacts, requestID)
	if err != nil {
		return err
	}
	stream := client.Follow(job)
	found, err := results(ctx, stream, len(contacts.rows))
	if err != nil {
		return err
	}
	if err := contacts.write(out, found); err != nil {
		return err
	}
	report(stream.Account())
	return nil
}

// start starts the batch, or finds the job that the same request started before, and
// returns its id.
func start(ctx context.Context, client *pronto.Client, contacts *table, requestID string) (string, error) {
	answer, err := client.Contacts.StartBulkContactEnrichment(ctx, &prontov1.BulkEnrichContactsRequest{
		Contacts:       contacts.requests(),
		EnrichmentType: []prontov1.EnrichmentType{prontov1.EnrichmentType_ENRICHMENT_TYPE_EMAIL},
		RequestId:      requestID,
	})
	var refusal *pronto.Error
	if !errors.As(err, &refusal) {
		return answer.GetJob().GetId(), err
	}
	switch refusal.Reason {
	case prontov1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:
		return "", fmt.Errorf("the id %q was used with other contacts: choose another id for another file (%w)", requestID, err)
	case prontov1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN:
		// Pronto may have the batch and charge it. The job collects what it delivers, and
		// ends at its deadline if that is nothing.
		log.Print("Pronto's answer was lost; waiting for what it delivers")
		return refusal.Metadata["job_id"], nil
	}
	return "", err
}

// results collects the contacts by their position in the request; they come in any
// order.
func results(ctx context.Context, stream *pronto.Stream, rows int) ([]*prontov1.Contact, error) {
	found := make([]*prontov1.Contact, rows)
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return nil, err
		}
		contact := event.GetContact()
		if contact == nil {
			continue
		}
		// A result that does not tell which contact it is about has no index.
		index := contact.GetIndex()
		if contact.Index == nil || int(index) >= rows {
			log.Printf("a result has no place: %s %s", contact.GetFirstName(), contact.GetLastName())
			continue
		}
		found[index] = contact
		fmt.Printf("contact %d\n", index)
	}
	return found, nil
}

func report(account *prontov1.JobCompleted) {
	for _, index := range account.GetMissingIndexes() {
		log.Printf("nothing came for contact %d", index)
	}
	outcome := strings.TrimPrefix(account.GetOutcome().String(), "JOB_OUTCOME_")
	counts := account.GetCounts()
	fmt.Printf("%s: %d contacts, %d credits\n", outcome, counts.GetDelivered(), counts.GetCredits())
}
