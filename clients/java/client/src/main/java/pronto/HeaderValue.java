// SPDX-License-Identifier: Apache-2.0
package pronto;

/**
 * Values of credentials as headers. gRPC leaves a header out that is not clean ASCII, and makes the
 * call without it: with another key than the caller's, which somebody else pays for.
 */
final class HeaderValue {
  private HeaderValue() {}

  /** Refuses what is no credential. */
  static String credential(String value, String what) {
    if (value.isEmpty()) {
      throw new IllegalArgumentException(what + " is empty");
    }
    if (!value.matches("[!-~]+")) {
      throw new IllegalArgumentException(what + " must be visible ASCII characters without space");
    }
    return value;
  }

  /** Whether a value arrives as it is. */
  static boolean sent(String value) {
    return value.matches("[!-~]([ -~]*[!-~])?");
  }
}
