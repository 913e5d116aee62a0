// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import java.nio.file.Path;
import java.util.Map;
import pronto.Pronto;
import pronto.ProntoBuilder;

/** Connects as the environment says. */
final class Connection {
  private Connection() {}

  static Pronto open() {
    return builder(System.getenv()).connect();
  }

  static ProntoBuilder builder(Map<String, String> environment) {
    ProntoBuilder builder = Pronto.builder();
    // An empty variable is as one that is not set.
    String address = environment.getOrDefault("PRONTO_ADDRESS", "");
    if (!address.isEmpty()) {
      builder.target(address);
    }
    String tokenFile = environment.getOrDefault("PRONTO_TOKEN_FILE", "");
    if (!tokenFile.isEmpty()) {
      builder.tokenFile(Path.of(tokenFile));
    }
    return builder;
  }
}
