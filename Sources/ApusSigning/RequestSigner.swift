package import ApusBase
package import ApusProtocol

/// Signs requests that are written already, one after the other. One for each loop: its memory is used again for every
/// request.
package struct RequestSigner: ~Copyable {
  private let key: SignatureKey
  private let fields: [ReplyField]
  private var decoder = RequestDecoder()
  private var content = SignedContent()

  /// Signs for an account. `extra` are fields that every request carries besides; they are signed with the rest.
  package init(_ credentials: Credentials, extra: [ReplyField] = []) {
    key = credentials.key
    // The signature is put in the place of as many characters when everything else stands.
    let blank = String(repeating: "=", count: Signature.textBytes)
    var fields = [ReplyField(Credentials.accessKeyField, credentials.accessKey)] + extra
    if let token = credentials.securityToken { fields.append(ReplyField(Credentials.securityTokenField, token)) }
    self.fields = fields + [ReplyField(Credentials.signatureField, blank)]
  }

  /// Signs the request that begins at `start` and is the last thing in `output`. Throws, with the request unsigned,
  /// when its header has grown beyond what a header may hold.
  package mutating func sign(frameAt start: Int, in output: inout ByteWriter) throws(DecodeError) {
    let end = AddedFields.add(fields, toFrameAt: start, in: &output)
    let signature = try Self.signature(
      of: output.bytes.extracting(start..<output.count), with: key, &decoder, &content)
    output.patch(Array(signature.text.utf8).rawSpan, at: end - Signature.textBytes)
  }

  private static func signature(
    of frame: RawSpan, with key: SignatureKey, _ decoder: inout RequestDecoder, _ content: inout SignedContent
  ) throws(DecodeError) -> Signature {
    let request = try decoder.decode(frame: frame)
    return content.signature(of: request, with: key)
  }
}
