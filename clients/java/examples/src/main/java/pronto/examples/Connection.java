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
    Map<String, String> environment = System.getenv();
    ProntoBuilder builder =
        Pronto.builder().target(environment.getOrDefault("PRONTO_ADDRESS", "localhost:50051"));
    String tokenFile = environment.get("PRONTO_TOKEN_FILE");
    if (tokenFile != null) {
      builder.tokenFile(Path.of(tokenFile));
    }
    return builder.connect();
  }
}
