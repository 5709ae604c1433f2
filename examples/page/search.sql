-- $1 질문, $2 방식(hybrid, vector, lexical), $3 개수. / The question, the mode, how many.
SELECT to_jsonb(found) - 'key' - 'document' || jsonb_build_object(
           'name', d.item_name,
           'type', regexp_replace(d.product_type, '^\[\w+\]', ''),
           'ingredients', d.ingredient_name,
           'enterprise', d.enterprise_name,
           'class', d.special_general_type,
           'dur', COALESCE((SELECT jsonb_agg(jsonb_build_object('kind', u.kind, 'partners', u.partners, 'reason', u.reason) ORDER BY u.kind)
                              FROM (SELECT kind, reason, string_agg(partner_name, ', ' ORDER BY partner_name) AS partners
                                      FROM dur WHERE item_sequence = d.item_sequence GROUP BY kind, reason) u), '[]'))
  FROM drug_search('drug_summary', $1, k => $3, mode => $2) WITH ORDINALITY AS found
  JOIN drug_summary d ON d.item_sequence = found.key->>'item_sequence'
 ORDER BY found.ordinality
