import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import NIOCore

/// `POST /v1/apply`: a document a line in; lines of progress out, then one of the result.
///
/// The status is sent before the documents are judged, so that progress can be; what became of
/// them stands in the last line.
struct ApplyExchange {
  private static let linesPerProgress = 500

  let resources: ResourceService
  let dryRun: Bool

  func response(to request: Request) -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/x-ndjson"],
      body: ResponseBody { writer in
        do {
          let documents = try await read(request.body, &writer)
          let result = try await resources.apply(documents, dryRun: dryRun)
          try await write(["result": result.representation(withDocuments: dryRun)], &writer)
        } catch let problem as ControlProblem {
          // What was not read yet must be taken in, or the client never gets to the answer.
          for try await _ in request.body {}
          try await write(["problem": problem.value], &writer)
        }
        try await writer.finish(nil)
      })
  }

  @concurrent
  private func read(_ body: RequestBody, _ writer: inout any ResponseBodyWriter) async throws
    -> [JSONValue]
  {
    var documents: [JSONValue] = []
    var line: [UInt8] = []
    for try await buffer in body {
      for part in buffer.readableBytesView.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
      ).enumerated() {
        if part.offset > 0 {
          try take(&line, &documents)
          if documents.count % ApplyExchange.linesPerProgress == 0, !documents.isEmpty {
            try await write(["progress": ["read": JSONValue(documents.count)]], &writer)
          }
        }
        guard line.count + part.element.count <= Limits.maximumDocumentBytes else {
          throw ControlProblem.tooLarge(Limits.maximumDocumentBytes)
        }
        line.append(contentsOf: part.element)
      }
    }
    try take(&line, &documents)
    return documents
  }

  private func take(_ line: inout [UInt8], _ documents: inout [JSONValue]) throws {
    defer { line.removeAll(keepingCapacity: true) }
    guard line.contains(where: { $0 > 0x20 }) else { return }
    guard documents.count < Limits.maximumBatchDocuments else {
      throw ControlProblem.badRequest(
        "There are more than \(Limits.maximumBatchDocuments) documents; send them in parts.")
    }
    do {
      documents.append(try JSONValue(parsing: line))
    } catch {
      throw ControlProblem(error, index: documents.count)
    }
  }

  @concurrent
  private func write(_ value: JSONValue, _ writer: inout any ResponseBodyWriter) async throws {
    try await writer.write(ByteBuffer(bytes: value.bytes + [UInt8(ascii: "\n")]))
  }
}
