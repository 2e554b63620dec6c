import Inventory
import OrderedCollections

/// OpenStack's two vendor data documents.
enum VendorDataDocument {
  /// vendor_data.json: the daemon's static data with the instance's own laid over it, key by key.
  static func first(_ input: RenderInput) -> JSONValue {
    let common = input.settings.vendorData
    guard let own = input.view.instance.vendorData else { return common }
    guard let members = own.object, var merged = common.object else { return own }
    merged.merge(members) { _, own in own }
    return .object(merged)
  }

  /// vendor_data2.json: the first document as `static`, and each dynamic target's answer under the
  /// target's name; of one name the first counts.
  static func second(_ input: RenderInput) -> Document {
    Document { json in
      json.object { json in
        json.key("static")
        json.put(first(input))
        var names: Set = ["static"]
        for (name, answer) in input.dynamicVendorData where names.insert(name).inserted {
          json.key(name)
          json.put(answer)
        }
      }
    }
  }
}
