import COpenSSL

/// A key on the curve P-256 and a certificate that it has signed itself, for `localhost`, as Java's test mode uses one.
enum SelfSignedCertificate {
  /// How long it is valid, in seconds: ten years.
  private static let lifetime = 10 * 365 * 86_400

  static func make() throws(TLSError) -> (Certificate, PrivateKey) {
    TLSError.forget()
    guard let keyPointer = unsafe apus_tls_new_p256_key() else { throw TLSError.noted("a key cannot be made") }
    let key = unsafe PrivateKey(keyPointer)
    guard let pointer = unsafe X509_new() else { throw TLSError.noted("a certificate cannot be made") }
    let certificate = unsafe Certificate(pointer)
    let name = unsafe X509_get_subject_name(pointer)
    let isMade =
      unsafe X509_set_version(pointer, 2) == 1
      && ASN1_INTEGER_set_uint64(X509_get_serialNumber(pointer), UInt64.random(in: 1...(1 << 62))) == 1
      // A clock that is a little behind does not make it one of the future.
      && X509_gmtime_adj(X509_getm_notBefore(pointer), -86_400) != nil
      && X509_gmtime_adj(X509_getm_notAfter(pointer), lifetime) != nil
      && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_FLAG | 1, "localhost", -1, -1, 0) == 1
      && X509_set_issuer_name(pointer, name) == 1 && X509_set_pubkey(pointer, key.pointer) == 1
      && addAlternativeName(pointer)
      && X509_sign(pointer, key.pointer, EVP_sha256()) > 0
    guard isMade else { throw TLSError.noted("a certificate cannot be made") }
    return (certificate, key)
  }

  private static func addAlternativeName(_ certificate: OpaquePointer) -> Bool {
    guard
      let extensionPointer = unsafe X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1")
    else { return false }
    defer { unsafe X509_EXTENSION_free(extensionPointer) }
    return unsafe X509_add_ext(certificate, extensionPointer, -1) == 1
  }
}
