// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import pronto.v1.EnrichContactAsyncRequest;
import pronto.v1.EnrichContactRequest;
import pronto.v1.EnrichmentType;
import pronto.v1.LeadFilters;
import pronto.v1.SearchLeadsRequest;
import pronto.v1.SearchLocationsRequest;

/** Requests that several scenarios send. */
final class Requests {
  private Requests() {}

  static SearchLocationsRequest paris() {
    return SearchLocationsRequest.newBuilder().setName("Paris").build();
  }

  static SearchLeadsRequest engineers(int limit) {
    return SearchLeadsRequest.newBuilder()
        .setFilters(LeadFilters.newBuilder().addJobTitles("engineer"))
        .setLimit(limit)
        .build();
  }

  /** A search with two mistakes. */
  static SearchLeadsRequest mistaken() {
    return SearchLeadsRequest.newBuilder()
        .setFilters(LeadFilters.newBuilder().addIncludedLocations("Paris"))
        .setLimit(0)
        .build();
  }

  static EnrichContactRequest.Builder wei() {
    return EnrichContactRequest.newBuilder()
        .setFirstName("Wei")
        .setLastName("Young")
        .setCompanyName("Oakline Logistics")
        .addEnrichmentType(EnrichmentType.ENRICHMENT_TYPE_EMAIL);
  }

  static EnrichContactAsyncRequest weiWith(String blob) {
    return EnrichContactAsyncRequest.newBuilder()
        .setFirstName("Wei")
        .setLastName("Young")
        .setCompanyName("Oakline Logistics")
        .addEnrichmentType(EnrichmentType.ENRICHMENT_TYPE_EMAIL)
        .setCustom(
            Struct.newBuilder().putFields("blob", Value.newBuilder().setStringValue(blob).build()))
        .build();
  }
}
