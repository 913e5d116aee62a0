// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import java.nio.file.Path;
import pronto.Pronto;
import pronto.ProntoBuilder;

/** The servers that the caller provides. */
final class Environment {
  private Environment() {}

  static ProntoBuilder plaintext() {
    return Pronto.builder().target(variable("PRONTO_ADDRESS"));
  }

  static ProntoBuilder unix() {
    return Pronto.builder().target("unix:" + variable("PRONTO_UNIX_SOCKET"));
  }

  static ProntoBuilder tls() {
    return Pronto.builder().target(variable("PRONTO_TLS_ADDRESS")).tls();
  }

  static Path certificateAuthority() {
    return Path.of(variable("PRONTO_CA_FILE"));
  }

  static String token() {
    return variable("PRONTO_TOKEN");
  }

  private static String variable(String name) {
    String value = System.getenv(name);
    Check.that(value != null && !value.isEmpty(), name + " is not set");
    return value;
  }
}
